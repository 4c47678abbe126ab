//! Canonical form of small graphs, and poison graphs in bounded work.

use super::*;

fn blank(label: impl std::fmt::Display) -> Term {
    Term::Blank(label.to_string())
}

fn link(from: Term, to: Term) -> Quad {
    Quad {
        subject: from,
        predicate: "urn:p".into(),
        object: to,
        graph: None,
    }
}

#[test]
fn labels_do_not_matter_and_structure_does() {
    let ring = |labels: [&str; 4]| {
        let quads: Vec<Quad> = (0..4)
            .map(|i| link(blank(labels[i]), blank(labels[(i + 1) % 4])))
            .collect();
        canonicalize(&quads).expect("small").nquads
    };
    assert_eq!(ring(["a", "b", "c", "d"]), ring(["x", "q", "b", "a"]));
    let twice = [
        link(blank("a"), blank("b")),
        link(blank("b"), blank("a")),
        link(blank("c"), blank("d")),
        link(blank("d"), blank("c")),
    ];
    assert_ne!(ring(["a", "b", "c", "d"]), canonicalize(&twice).expect("small").nquads);
}

#[test]
fn a_statement_given_twice_counts_once() {
    let quad = link(blank("a"), Term::Iri("urn:x".into()));
    let once = canonicalize(std::slice::from_ref(&quad)).expect("small");
    assert_eq!(canonicalize(&[quad.clone(), quad]).expect("small"), once);
    assert_eq!(once.nquads, "_:c14n0 <urn:p> <urn:x> .\n");
    assert_eq!(once.labels.get("a").map(String::as_str), Some("c14n0"));
}

#[test]
fn literals_are_escaped_as_the_standard_says() {
    let literal = |value: &str, datatype: &str, language: Option<&str>| {
        let object = Term::Literal {
            value: value.into(),
            datatype: datatype.into(),
            language: language.map(Into::into),
        };
        canonicalize(&[link(Term::Iri("urn:s".into()), object)])
            .expect("small")
            .nquads
    };
    assert_eq!(
        literal("\0\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\\u{7f}æ😀", XSD_STRING, None),
        "<urn:s> <urn:p> \"\\u0000\\b\\t\\n\\u000B\\f\\r\\u001F\\\"\\\\\\u007Fæ😀\" .\n"
    );
    assert_eq!(literal("1", "urn:int", None), "<urn:s> <urn:p> \"1\"^^<urn:int> .\n");
    assert_eq!(literal("hei", "urn:lang", Some("nb")), "<urn:s> <urn:p> \"hei\"@nb .\n");
}

#[test]
fn poison_graphs_are_refused_in_bounded_work() {
    let clique = |nodes: usize| -> Vec<Quad> {
        (0..nodes)
            .flat_map(|a| {
                (0..nodes)
                    .filter(move |b| a != *b)
                    .map(move |b| link(blank(a), blank(b)))
            })
            .collect()
    };
    assert!(canonicalize(&clique(3)).is_ok());
    for nodes in [10, 40] {
        assert_eq!(
            canonicalize(&clique(nodes)).map_err(|problem| problem.code).err(),
            Some(Code::TooLarge)
        );
    }
    let ring: Vec<Quad> = (0..4000).map(|i| link(blank(i), blank((i + 1) % 4000))).collect();
    assert_eq!(
        canonicalize(&ring).map_err(|problem| problem.code).err(),
        Some(Code::TooLarge)
    );
    // Two equal hubs: each order of the spokes of one would have to be tried.
    for spokes in [60, QUADS_MAX] {
        let stars: Vec<Quad> = (0..spokes)
            .map(|spoke| link(blank(format!("hub{}", spoke % 2)), blank(spoke)))
            .collect();
        assert_eq!(
            canonicalize(&stars).map_err(|problem| problem.code).err(),
            Some(Code::TooLarge)
        );
    }
}

#[test]
fn more_statements_than_the_limit_are_refused() {
    let many = |count: usize| -> Vec<Quad> {
        (0..count)
            .map(|i| link(Term::Iri(format!("urn:{i}")), Term::Iri("urn:x".into())))
            .collect()
    };
    assert!(canonicalize(&many(QUADS_MAX)).is_ok());
    assert!(canonicalize(&many(QUADS_MAX + 1)).is_err());
}

#[test]
fn permutations_are_all_visited_once() {
    let mut items = vec![0, 1, 2, 3];
    let mut seen = BTreeSet::from([items.clone()]);
    while next_permutation(&mut items) {
        assert!(seen.insert(items.clone()));
    }
    assert_eq!(seen.len(), 24);
    assert!(!next_permutation(&mut []));
}
