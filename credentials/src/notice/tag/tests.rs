//! RFC 9497 appendix A.1.2 against the code that ships, and what a bank and a register cannot do to each other.

use super::*;
use crate::notice::tests::{REGISTER, keys, kid, now, trust};
use crate::notice::{Debtor, Paper};
use crate::trust::cast::{did, seeded};

const SEED: &str = "a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3";
const KEY_INFO: &str = "74657374206b6579";
const SECRET: &str = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909";
const PUBLIC: &str = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e";

struct Vector {
    input: &'static [&'static str],
    blind: &'static [&'static str],
    blinded: &'static [&'static str],
    evaluated: &'static [&'static str],
    proof: &'static str,
    proof_scalar: &'static str,
    output: &'static [&'static str],
}

const VECTORS: [Vector; 3] = [
    Vector {
        input: &["00"],
        blind: &["64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"],
        blinded: &["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"],
        evaluated: &["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"],
        proof: "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
        proof_scalar: "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
        output: &[
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
        ],
    },
    Vector {
        input: &["5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"],
        blind: &["64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"],
        blinded: &["cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c"],
        evaluated: &["60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468"],
        proof: "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
        proof_scalar: "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
        output: &[
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
        ],
    },
    Vector {
        input: &["00", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"],
        blind: &[
            "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
            "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
        ],
        blinded: &[
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654",
        ],
        evaluated: &[
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
        ],
        proof: "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
        proof_scalar: "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
        output: &[
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
        ],
    },
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).expect("hexadecimal")).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// A random source that plays these scalars: 64 bytes each, of which the library takes the remainder by the group's order.
fn played(scalars: &[&str]) -> impl Random {
    let mut scalars: Vec<Vec<u8>> = scalars.iter().rev().map(|scalar| bytes(scalar)).collect();
    move |out: &mut [u8]| {
        let scalar = scalars.pop().expect("no more randomness than the vector has");
        out.fill(0);
        out[..32].copy_from_slice(&scalar);
    }
}

fn person(text: &str) -> PersonNumber {
    PersonNumber::parse(text).expect("a number")
}

fn year(name: &str) -> TagKey {
    TagKey::generate(name, &mut seeded(name)).expect("a key")
}

fn slices(elements: &[[u8; 32]]) -> Vec<&[u8]> {
    elements.iter().map(<[u8; 32]>::as_slice).collect()
}

const ROLIG: &str = "14858834016";
const MUNTER: &str = "03919043163";

#[test]
fn the_published_vectors_of_the_verifiable_mode_are_reproduced() {
    let seed: [u8; 32] = bytes(SEED).try_into().expect("32 bytes");
    let key = TagKey {
        name: "vector".to_owned(),
        seed: Zeroizing::new(seed),
        server: VoprfServer::new_from_seed(&seed, &bytes(KEY_INFO)).expect("derives"),
    };
    assert_eq!(&key.server.serialize()[..32], bytes(SECRET));
    assert_eq!(key.public().as_slice(), bytes(PUBLIC));
    for vector in VECTORS {
        let inputs = vector.input.iter().map(|input| Zeroizing::new(bytes(input))).collect();
        let (blinding, blinded) = Blinding::of("vector", inputs, &mut played(vector.blind)).expect("blinds");
        let expected: Vec<Vec<u8>> = vector.blinded.iter().map(|text| bytes(text)).collect();
        assert_eq!(slices(&blinded), expected);
        let evaluated = key.evaluate(&slices(&blinded), &mut played(&[vector.proof_scalar]));
        let evaluated = evaluated.expect("evaluates");
        let expected: Vec<Vec<u8>> = vector.evaluated.iter().map(|text| bytes(text)).collect();
        assert_eq!(slices(&evaluated.elements), expected);
        assert_eq!(evaluated.proof, bytes(vector.proof));
        let outputs = blinding.outputs(&key.public(), &slices(&evaluated.elements), &evaluated.proof);
        let outputs: Vec<Vec<u8>> = outputs
            .expect("verifies")
            .iter()
            .map(|output| output.to_vec())
            .collect();
        let expected: Vec<Vec<u8>> = vector.output.iter().map(|text| bytes(text)).collect();
        assert_eq!(outputs, expected);
        let direct: Vec<Vec<u8>> = vector
            .input
            .iter()
            .map(|input| key.server.evaluate(&bytes(input)).expect("evaluates").to_vec())
            .collect();
        assert_eq!(direct, expected);
    }
}

#[test]
fn a_bank_gets_the_tag_that_a_notice_bears_and_the_register_sees_neither_number_nor_tag() {
    let key = year("2026");
    let register = did(REGISTER);
    let persons = [person(ROLIG), person(MUNTER)];
    let (blinding, asked) = Blinding::begin(&register, "2026", &persons, &mut seeded("bank")).expect("blinds");
    let (_, again) = Blinding::begin(&register, "2026", &persons, &mut seeded("another time")).expect("blinds");
    assert!(
        asked.iter().all(|element| !again.contains(element)),
        "nothing repeats from one question to the next"
    );
    let evaluated = key
        .evaluate(&slices(&asked), &mut seeded("register"))
        .expect("evaluates");
    let tags = blinding
        .finish(&key.public(), &slices(&evaluated.elements), &evaluated.proof)
        .expect("verifies");
    assert_eq!(
        tags,
        [&persons[0], &persons[1]].map(|person| key.tag(&register, person).expect("a tag"))
    );
    assert!(tags.iter().all(Tag::is_well_formed));
    assert_ne!(tags[0], tags[1]);
}

#[test]
fn a_tag_is_of_one_register_one_key_and_one_person() {
    let tag = |key: &TagKey, register: &str| key.tag(&did(register), &person(ROLIG)).expect("a tag").value;
    let key = year("2026");
    let same_seed = TagKey::from_seed("2027", key.seed()).expect("a key");
    let all = [
        tag(&key, REGISTER),
        tag(&key, "annet.example"),
        tag(&same_seed, REGISTER),
        tag(&year("2027"), REGISTER),
    ];
    let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(
        tag(&TagKey::from_seed("2026", key.seed()).expect("a key"), REGISTER),
        all[0]
    );
}

#[test]
fn an_answer_by_another_key_or_altered_in_any_part_is_refused() {
    let key = year("2026");
    let persons = [person(ROLIG), person(MUNTER)];
    let ask = || Blinding::begin(&did(REGISTER), "2026", &persons, &mut seeded("bank")).expect("blinds");
    let (_, asked) = ask();
    let good = key
        .evaluate(&slices(&asked), &mut seeded("register"))
        .expect("evaluates");
    let finish = |evaluated: &Evaluated, public: &[u8; 32]| {
        let (blinding, _) = ask();
        blinding.finish(public, &slices(&evaluated.elements), &evaluated.proof)
    };
    assert!(finish(&good, &key.public()).is_ok());
    let refused = |evaluated: &Evaluated, what: &str| {
        let result = finish(evaluated, &key.public());
        assert_eq!(result.expect_err(what).code, Code::EvaluationInvalid, "{what}");
    };
    let other = year("2025")
        .evaluate(&slices(&asked), &mut seeded("register"))
        .expect("evaluates");
    refused(&other, "another key");
    let mut swapped = good.clone();
    swapped.elements.swap(0, 1);
    refused(&swapped, "another order");
    let mut fewer = good.clone();
    fewer.elements.pop();
    refused(&fewer, "fewer elements");
    let mut bent = good.clone();
    bent.proof[0] ^= 1;
    refused(&bent, "an altered proof");
    let mut short = good.clone();
    short.proof.pop();
    refused(&short, "a short proof");
    let mut none = good.clone();
    none.elements[0] = [0; 32];
    refused(&none, "the neutral element");
    let wrong = finish(&good, &year("2025").public());
    assert_eq!(wrong.expect_err("another commitment").code, Code::EvaluationInvalid);
}

#[test]
fn what_is_no_group_element_and_too_much_is_not_evaluated() {
    let key = year("2026");
    let mut random = seeded("register");
    for wrong in [&[0_u8; 32][..], &[0xff; 32], &[1; 31], &[]] {
        assert_eq!(
            key.evaluate(&[wrong], &mut random).expect_err("refused").code,
            Code::Malformed
        );
    }
    assert_eq!(
        key.evaluate(&[], &mut random).expect_err("nothing").code,
        Code::Malformed
    );
    let many = vec![&[0_u8; 32][..]; EVALUATE_MAX + 1];
    assert_eq!(
        key.evaluate(&many, &mut random).expect_err("too many").code,
        Code::TooLarge
    );
    let persons = vec![person(ROLIG); EVALUATE_MAX + 1];
    let asked = Blinding::begin(&did(REGISTER), "2026", &persons, &mut random);
    assert_eq!(asked.map(|_| ()).expect_err("too many").code, Code::TooLarge);
    let whole = Blinding::begin(&did(REGISTER), "2026", &persons[..EVALUATE_MAX], &mut random);
    let (_, elements) = whole.expect("blinds");
    assert!(key.evaluate(&slices(&elements), &mut random).is_ok());
}

#[test]
fn a_statement_commits_to_the_public_key_by_two_keys_of_the_register() {
    let key = year("2026");
    let until = now().plus(400 * 86_400);
    let text = KeyStatement::write(&did(REGISTER), &key, now(), until, now());
    let [one, two, _] = keys();
    let once = Paper::parse(&text)
        .expect("parses")
        .sign(&kid(1), &one, now())
        .expect("signs");
    let refused = KeyStatement::open(once.text(), &trust(), now());
    assert_eq!(refused.expect_err("one key").code, Code::SecondKeyMissing);
    let twice = once.sign(&kid(2), &two, now()).expect("signs");
    let statement = KeyStatement::open(twice.text(), &trust(), now()).expect("opens");
    assert_eq!((statement.public, statement.name.as_str()), (key.public(), "2026"));
    let bent = twice
        .text()
        .replace(&BASE64_URL_SAFE_NO_PAD.encode(key.public()), &"A".repeat(43));
    assert_eq!(KeyStatement::parse(&bent).expect_err("no key").code, Code::Malformed);
    let other = BASE64_URL_SAFE_NO_PAD.encode(year("2025").public());
    let bent = twice
        .text()
        .replace(&BASE64_URL_SAFE_NO_PAD.encode(key.public()), &other);
    assert_eq!(
        KeyStatement::open(&bent, &trust(), now()).expect_err("bent").code,
        Code::SignatureInvalid
    );
}

#[test]
fn nothing_prints_a_secret_or_a_number() {
    let key = year("2026");
    assert_eq!(format!("{key:?}"), "TagKey(2026)");
    for wrong in ["", "2026/1", "Å", &"a".repeat(33)] {
        let problem = TagKey::from_seed(wrong, key.seed()).map(|_| ()).expect_err("no name");
        assert_eq!(problem.code, Code::Malformed);
    }
    let debtor = Debtor::Person(vec![key.tag(&did(REGISTER), &person(ROLIG)).expect("a tag")]);
    assert!(!format!("{debtor:?}").contains(ROLIG));
}
