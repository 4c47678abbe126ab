//! Who plays in the story.

/// What a node is.
pub(super) enum Part {
    /// An organisation: number, name, did:web, types it issues, services it asks under.
    Organisation {
        number: &'static str,
        name: &'static str,
        did: &'static str,
        issues: &'static [&'static str],
        services: &'static [&'static str],
    },
    /// A wallet; of a company when it has a number.
    Wallet { organisation: Option<&'static str> },
}

/// A node of the story.
pub(super) struct Role {
    /// Name of its home folder.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) part: Part,
}

const fn organisation(
    name: &'static str,
    number: &'static str,
    registered: &'static str,
    did: &'static str,
    issues: &'static [&'static str],
    services: &'static [&'static str],
) -> Role {
    Role {
        name,
        part: Part::Organisation {
            number,
            name: registered,
            did,
            issues,
            services,
        },
    }
}

/// The nine.
pub(super) const CAST: &[Role] = &[
    organisation(
        "identity",
        "991825827",
        "Digitaliseringsdirektoratet",
        "did:web:digdir.example",
        &["C01"],
        &[],
    ),
    organisation(
        "tax",
        "974761076",
        "Skatteetaten",
        "did:web:skatteetaten.example",
        &["C02", "C03"],
        &["K02"],
    ),
    organisation(
        "loans",
        "960885406",
        "Lånekassen",
        "did:web:lanekassen.example",
        &["C04"],
        &["K02"],
    ),
    organisation(
        "guarantor",
        "315902738",
        "SOLID GARANTI ASA",
        "did:web:solidgaranti.example",
        &["C05"],
        &["K02"],
    ),
    organisation(
        "registry",
        "974760673",
        "Brønnøysundregistrene",
        "did:web:brreg.example",
        &["C06"],
        &["K02"],
    ),
    organisation(
        "bank",
        "213579045",
        "SYNTETISK SPAREBANK",
        "did:web:sparebank.example",
        &[],
        &["S01", "S15", "K01"],
    ),
    organisation(
        "roads",
        "971032081",
        "Statens vegvesen",
        "did:web:vegvesen.example",
        &[],
        &["S09"],
    ),
    Role {
        name: "citizen",
        part: Part::Wallet { organisation: None },
    },
    Role {
        name: "company",
        part: Part::Wallet {
            organisation: Some(crate::population::CARRIER),
        },
    },
];

/// Who vouches for all the others: home, name, class. Two of the three have to sign; the first has the head key too.
pub(super) const ANCHORS: &[(&str, &str, &str)] = &[
    ("anchor", "Tilsynet for testnett", "agency"),
    ("anchor-bank", "Bankenes testforening", "bank"),
    ("anchor-other", "Forbrukernes testutvalg", "other"),
];

/// The lender that is on the list and asks for too much.
pub(super) const LENDER_DID: &str = "did:web:hurtiglaan.example";
/// Its number.
pub(super) const LENDER_NUMBER: &str = "218405177";
/// Its name.
pub(super) const LENDER_NAME: &str = "HURTIGLÅN AS";
/// A bank that nobody listed.
pub(super) const UNLISTED_DID: &str = "did:web:ukjentbank.example";

/// Register files: issuer, type, file.
pub(super) const REGISTERS: &[(&str, &str, &str)] = &[
    ("identity", "C01", "pid.jsonl"),
    ("tax", "C02", "income.jsonl"),
    ("tax", "C03", "tax.jsonl"),
    ("loans", "C04", "loan.jsonl"),
    ("registry", "C06", "company.jsonl"),
    ("guarantor", "C05", "guarantee.jsonl"),
];

/// Who checks whose credentials, so whose status lists its node mirrors: issuers by node that asks.
pub(super) const CHECKS: &[(&str, &[&str])] = &[
    ("tax", &["identity"]),
    ("loans", &["identity"]),
    ("registry", &["identity"]),
    ("guarantor", &["registry"]),
    ("bank", &["tax", "loans", "registry"]),
    ("roads", &["guarantor"]),
];
