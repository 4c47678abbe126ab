//! RFC 7518 and RFC 8037 vectors, round trips, and every altered part.

use super::*;

const LIMIT: usize = 1 << 16;

fn hex(text: &str) -> [u8; 32] {
    let bytes: Vec<u8> = (0..64)
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect();
    bytes.try_into().expect("32 bytes")
}

/// Counts upwards: different bytes at every call.
fn counter() -> impl FnMut(&mut [u8]) + Send {
    let mut next = 0_u8;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            *byte = next;
            next = next.wrapping_add(1);
        }
    }
}

fn recipient() -> DecryptionKey {
    DecryptionKey::from_bytes(&[5; 32])
}

fn sealed() -> String {
    seal(
        &recipient().public_jwk(),
        b"holder",
        b"request",
        b"hemmelig",
        &mut counter(),
    )
    .expect("seals")
}

fn refused(jwe: &str) -> bool {
    recipient()
        .open(jwe, b"request", LIMIT)
        .map_err(|problem| problem.code)
        .err()
        == Some(Code::Malformed)
}

#[test]
fn rfc_8037_a_6_shared_secret() {
    // Bob's key and the ephemeral key are those of RFC 7748 §6.1.
    let bob = DecryptionKey::from_bytes(&hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    assert_eq!(bob.public_jwk()["x"], "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08");
    let epk = json!({"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"});
    let shared = bob.0.diffie_hellman(&public_key(&epk).expect("key"));
    assert_eq!(
        *shared.as_bytes(),
        hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    );
}

#[test]
fn rfc_7518_appendix_c_derivation() {
    let shared = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128, 106,
        72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    let key = derive(&shared, "A128GCM", b"Alice", b"Bob", 128);
    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(&key[..16]), "VqqN6vgjbSBcIijNcacQGg");
}

#[test]
fn what_was_sealed_opens_with_its_key_and_party_only() {
    let jwe = sealed();
    assert_eq!(
        recipient().open(&jwe, b"request", LIMIT).expect("opens").as_slice(),
        b"hemmelig"
    );
    assert!(recipient().open(&jwe, b"another request", LIMIT).is_err());
    assert!(
        DecryptionKey::from_bytes(&[6; 32])
            .open(&jwe, b"request", LIMIT)
            .is_err()
    );
    assert_eq!(
        recipient()
            .open(&jwe, b"request", jwe.len() - 1)
            .map_err(|problem| problem.code)
            .err(),
        Some(Code::TooLarge)
    );
    for plaintext in [&b""[..], &[0; 10_000]] {
        let jwe = seal(&recipient().public_jwk(), b"", b"", plaintext, &mut counter()).expect("seals");
        assert_eq!(recipient().open(&jwe, b"", LIMIT).expect("opens").as_slice(), plaintext);
    }
}

#[test]
fn every_altered_character_is_refused() {
    let jwe = sealed();
    for position in 0..jwe.len() {
        for replacement in ["A", "B", ".", "=", "", "AA"] {
            let mut altered = jwe.clone();
            altered.replace_range(position..=position, replacement);
            assert!(
                altered == jwe || refused(&altered),
                "position {position}: {replacement}"
            );
        }
    }
    for wrong in [
        "",
        "....",
        &format!("{jwe}."),
        &format!("{jwe}.x"),
        &jwe.replacen("..", ".AA.", 1),
    ] {
        assert!(refused(wrong), "{wrong}");
    }
}

/// Seals as [`seal`] does, with another header.
fn with_header(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let ephemeral = DecryptionKey::from_bytes(&[9; 32]);
    let mut header = json!({
        "alg": "ECDH-ES", "enc": "A256GCM", "apu": "aG9sZGVy", "apv": "cmVxdWVzdA",
        "epk": { "kty": "OKP", "crv": "X25519", "x": ephemeral.x() },
    });
    change(header.as_object_mut().expect("object"));
    let protected = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    let shared = ephemeral.0.diffie_hellman(&PublicKey::from(&recipient().0));
    let key = derive(shared.as_bytes(), "A256GCM", b"holder", b"request", 256);
    let payload = Payload {
        msg: b"hemmelig",
        aad: protected.as_bytes(),
    };
    let sealed = Aes256Gcm::new((&*key).into())
        .encrypt(&Nonce::from([1; 12]), payload)
        .expect("encrypts");
    let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG);
    let [nonce, ciphertext, tag] = [&[1; 12][..], ciphertext, tag].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    format!("{protected}..{nonce}.{ciphertext}.{tag}")
}

#[test]
fn headers_that_are_not_ours_are_refused_though_their_tag_is_right() {
    let opens = |jwe: &str| recipient().open(jwe, b"request", LIMIT).is_ok();
    assert!(opens(&with_header(|_| {})));
    let kid = recipient().public_jwk()["kid"].clone();
    for (name, value) in [("kid", kid), ("cty", json!("json")), ("typ", json!("JWE"))] {
        assert!(
            opens(&with_header(|header| drop(header.insert(name.into(), value)))),
            "{name}"
        );
    }
    for (name, value) in [
        ("zip", json!("DEF")),
        ("crit", json!(["exp"])),
        ("jwk", json!({})),
        ("alg", json!("ECDH-ES+A256KW")),
        ("alg", json!("dir")),
        ("enc", json!("A128GCM")),
        ("kid", json!("another")),
        ("kid", json!(1)),
        ("cty", json!(1)),
        ("apv", json!("cmVxdWVzdB")),
        ("apv", json!("b3RoZXI")),
        ("apu", json!("b3RoZXI")),
        ("apu", json!(1)),
        (
            "epk",
            json!({"kty":"OKP","crv":"Ed25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}),
        ),
        (
            "epk",
            json!({"kty":"EC","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}),
        ),
        ("epk", json!({"kty":"OKP","crv":"X25519"})),
    ] {
        let jwe = with_header(|header| drop(header.insert(name.into(), value.clone())));
        assert!(refused(&jwe), "{name} {value}");
    }
    for name in ["alg", "enc", "epk", "apv"] {
        assert!(
            refused(&with_header(|header| drop(header.remove(name)))),
            "without {name}"
        );
    }
}

#[test]
fn points_that_give_a_zero_secret_are_refused_on_both_sides() {
    // u = 0, 1 and p − 1: of small order.
    let minus_one = hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let mut one = [0; 32];
    one[0] = 1;
    for point in [[0; 32], one, minus_one] {
        let jwk = json!({"kty":"OKP","crv":"X25519","x":BASE64_URL_SAFE_NO_PAD.encode(point)});
        let sealed = seal(&jwk, b"", b"request", b"x", &mut counter());
        assert_eq!(sealed.map_err(|problem| problem.code), Err(Code::Malformed));
        // The secret is then known to be zero, so that an attacker could seal to anybody without a key.
        let header = json!({"alg":"ECDH-ES","enc":"A256GCM","epk":jwk,"apu":"","apv":"cmVxdWVzdA"});
        let protected = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        let key = derive(&[0; 32], "A256GCM", b"", b"request", 256);
        let payload = Payload {
            msg: b"forged",
            aad: protected.as_bytes(),
        };
        let sealed = Aes256Gcm::new((&*key).into())
            .encrypt(&Nonce::from([1; 12]), payload)
            .expect("encrypts");
        let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG);
        let [nonce, ciphertext, tag] = [&[1; 12][..], ciphertext, tag].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        assert!(refused(&format!("{protected}..{nonce}.{ciphertext}.{tag}")));
    }
}

#[test]
fn recipients_that_are_no_public_x25519_key_are_refused() {
    let good = recipient().public_jwk();
    assert!(seal(&good, b"", b"", b"x", &mut counter()).is_ok());
    for (name, value) in [("kty", "EC"), ("crv", "Ed25519"), ("d", "AAAA"), ("x", "AAAA")] {
        let mut jwk = good.clone();
        jwk[name] = value.into();
        assert!(seal(&jwk, b"", b"", b"x", &mut counter()).is_err(), "{name}");
    }
}

#[test]
fn keys_round_trip_and_print_nothing() {
    let key = DecryptionKey::generate(&mut counter());
    assert_eq!(
        DecryptionKey::from_bytes(&key.to_bytes()).public_jwk(),
        key.public_jwk()
    );
    assert_eq!(format!("{key:?}"), "DecryptionKey(..)");
}
