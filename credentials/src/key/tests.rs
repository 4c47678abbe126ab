//! RFC 8032 and RFC 8037 vectors, and the encodings that are refused.

use super::*;

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect();
    bytes.try_into().expect("length")
}

fn key(text: &str) -> VerifyingKey {
    VerifyingKey::from_bytes(&hex(text)).expect("valid key")
}

/// RFC 8032 §7.1: secret, public, message, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

#[test]
fn rfc_8032_vectors_sign_and_verify_and_every_flipped_byte_is_refused() {
    for [secret, public, message, signature] in RFC_8032 {
        let secret = SigningKey::from_bytes(&hex(secret));
        let message: Vec<u8> = (0..message.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&message[i..i + 2], 16).expect("hex"))
            .collect();
        let signature: [u8; 64] = hex(signature);
        assert_eq!(secret.verifying_key(), key(public));
        assert_eq!(Signer::sign(&secret, &message).expect("in memory"), signature);
        assert!(key(public).verify(&message, &signature));
        for position in 0..64 {
            let mut altered = signature;
            altered[position] ^= 1;
            assert!(!key(public).verify(&message, &altered), "byte {position}");
        }
        assert!(!key(public).verify(b"other", &signature));
    }
}

#[test]
fn both_libraries_make_the_same_signature_of_every_key_and_message() {
    let mut state = [1; 32];
    for length in (0..300).chain([1_023, 4_096, 20_000]) {
        state = Sha256::digest(state).into();
        let message: Vec<u8> = state.iter().copied().cycle().take(length).collect();
        let signed = Signer::sign(&SigningKey::from_bytes(&state), &message).expect("in memory");
        let other = ed25519_dalek::SigningKey::from_bytes(&state);
        assert_eq!(
            signed,
            ed25519_dalek::Signer::sign(&other, &message).to_bytes(),
            "{length} bytes"
        );
        assert!(VerifyingKey(other.verifying_key()).verify(&message, &signed));
    }
}

#[test]
fn s_plus_the_group_order_is_refused() {
    const L: [u8; 16] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    ];
    let mut signature: [u8; 64] = hex(RFC_8032[0][3]);
    let mut carry = 0u16;
    for (i, byte) in signature[32..].iter_mut().enumerate() {
        let order = u16::from(L.get(i).copied().unwrap_or(if i == 31 { 0x10 } else { 0 }));
        let sum = u16::from(*byte) + order + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(!key(RFC_8032[0][1]).verify(b"", &signature));
}

/// The eight points of small order with their non-canonical encodings (Chalkias, Garillot, Nikolaenko 2020, table 1).
const WEAK: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

#[test]
fn points_of_small_order_and_non_canonical_points_are_no_keys() {
    for weak in WEAK {
        assert_eq!(VerifyingKey::from_bytes(&hex(weak)), None, "{weak}");
    }
    // y = p + 3 is the canonical y = 3 written a second way; the first is a key, the second is none.
    let mut three = [0; 32];
    three[0] = 3;
    let mut again = [0xff; 32];
    again[0] = 0xf0;
    again[31] = 0x7f;
    assert!(VerifyingKey::from_bytes(&three).is_some());
    assert!(ed25519_dalek::VerifyingKey::from_bytes(&again).is_ok());
    assert_eq!(VerifyingKey::from_bytes(&again), None);
}

#[test]
fn a_signature_whose_r_is_of_small_order_is_refused() {
    // R = identity, S = k·a: fulfils the equation for whoever knows the key, yet R is of small order.
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(!key(RFC_8032[0][1]).verify(b"", &signature));
}

/// Message, key and signature of cases on which verifiers are known to differ (Chalkias, Garillot, Nikolaenko 2020, §5), and what
/// they are about.
const DIFFERING: [[&str; 4]; 10] = [
    [
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
        "A and R of small order",
    ],
    [
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        "A of small order",
    ],
    [
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        "R of small order",
    ],
    [
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        MIXED,
    ],
    [
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        "holds only when multiplied by 8",
    ],
    [
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        "holds only when multiplied by 8 before k is reduced",
    ],
    [
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        "S beyond the order",
    ],
    [
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        "S far beyond the order",
    ],
    [
        "fdaebc429f4a735932a160da1301080c13280eea8bc280d1b392c6b9e6ba3a5a",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f454d370c8d9fc323a41450f8d513eafeb5b0697390c1e505a0d4ddc71f566607",
        "R not canonical",
    ],
    [
        "84b698d39be126ff55fe45079e6c8bf64a0d7db6994560b4e96b7021eb39c1a1",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f084d5b99c2a9463d9c8bd5026916996984eeec87ddf1d3be329006ace1b37b09",
        "R not canonical, and hashed as it stands",
    ],
];

/// The one of them that fulfils our rule.
const MIXED: &str = "A and R of mixed order, and the equation holds as it stands";

#[test]
fn of_the_signatures_on_which_verifiers_differ_only_the_one_that_fulfils_the_rule_is_taken() {
    for [message, public, signature, about] in DIFFERING {
        let message: [u8; 32] = hex(message);
        let signature: [u8; 64] = hex(signature);
        let taken = VerifyingKey::from_bytes(&hex(public)).is_some_and(|key| key.verify(&message, &signature));
        assert_eq!(taken, about == MIXED, "{about}");
    }
}

#[test]
fn every_signature_is_taken_or_refused_as_the_strict_verification_of_the_library_does() {
    // Every key and message of the cases above and of the RFC, with every R and every S of theirs, and every R of small order.
    let differing = DIFFERING.map(|[message, public, signature, _]| (hex::<32>(message).to_vec(), public, signature));
    let right = [vec![], vec![0x72], vec![0xaf, 0x82]];
    let right = right
        .into_iter()
        .zip(RFC_8032)
        .map(|(message, case)| (message, case[1], case[3]));
    let cases: Vec<(Vec<u8>, &str, &str)> = differing.into_iter().chain(right).collect();
    let firsts = cases.iter().map(|(_, _, signature)| hex(&signature[..64]));
    let firsts: Vec<[u8; 32]> = firsts.chain(WEAK.map(hex)).collect();
    let scalars = cases.iter().map(|(_, _, signature)| hex(&signature[64..]));
    let scalars: Vec<[u8; 32]> = scalars.chain([[0; 32]]).collect();
    let (mut strict, mut loose) = (0, 0);
    for (message, public, _) in &cases {
        // Also keys that nobody could read here: the rule is the verification's own.
        let library = ed25519_dalek::VerifyingKey::from_bytes(&hex(public)).expect("a point");
        for (first, scalar) in firsts
            .iter()
            .flat_map(|first| scalars.iter().map(move |scalar| (first, scalar)))
        {
            let signature: [u8; 64] = [*first, *scalar].concat().try_into().expect("64 bytes");
            let parsed = ed25519_dalek::Signature::from_bytes(&signature);
            let is_taken = library.verify_strict(message, &parsed).is_ok();
            assert_eq!(
                VerifyingKey(library).verify(message, &signature),
                is_taken,
                "{signature:02x?}"
            );
            strict += usize::from(is_taken);
            loose += usize::from(ed25519_dalek::Verifier::verify(&library, message, &parsed).is_ok());
        }
    }
    assert_eq!(strict, 4, "the RFC's, and the one of mixed order");
    assert!(loose > strict + 2, "what only the rule refuses is among them: {loose}");
}

#[test]
fn jwk_round_trips_and_other_keys_are_refused() {
    // RFC 8037 A.2 and A.3.
    let public = key(RFC_8032[0][1]);
    assert_eq!(
        public.to_jwk(),
        serde_json::json!({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    );
    assert_eq!(
        BASE64_URL_SAFE_NO_PAD.encode(public.thumbprint()),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    assert_eq!(VerifyingKey::from_jwk(&public.to_jwk()), Some(public));
    for (member, value) in [
        ("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"),
        ("kty", "EC"),
        ("crv", "X25519"),
        ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
        // The last character carries two bits that no byte needs; they must be zero.
        ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"),
        ("x", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        ("x", ""),
    ] {
        let mut jwk = public.to_jwk();
        jwk[member] = value.into();
        assert_eq!(VerifyingKey::from_jwk(&jwk), None, "{member} {value}");
    }
}

#[test]
fn multibase_round_trips_and_other_bases_and_kinds_are_refused() {
    let text = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    let public = VerifyingKey::from_multibase(text).expect("W3C's key");
    assert_eq!(public.to_multibase(), text);
    let secp256k1 = "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme";
    for wrong in ["", "z", &text[1..], &text[..47], secp256k1, "z6Mk0", &"z1".repeat(40)] {
        assert_eq!(VerifyingKey::from_multibase(wrong), None, "{wrong}");
    }
}

#[test]
fn debug_prints_nothing_of_a_secret() {
    let secret = SigningKey::from_bytes(&[7; 32]);
    assert_eq!(format!("{secret:?}"), "SigningKey(..)");
    assert_eq!(*secret.to_bytes(), [7; 32]);
}

#[test]
fn a_generated_key_comes_from_the_given_randomness_alone() {
    let mut random = |bytes: &mut [u8]| bytes.fill(9);
    let secret = SigningKey::generate(&mut random);
    assert_eq!(secret.verifying_key(), SigningKey::from_bytes(&[9; 32]).verifying_key());
}
