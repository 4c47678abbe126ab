//! `bevis demo population`: registers of people and companies who do not exist, in the registers' own fields.
//!
//! The same seed, sizes and day write the same bytes. The cast of the story is always in it. Person numbers are of the
//! synthetic series (month + 80), company numbers start with 2 or 3. A seed never makes a key.

use crate::args::Population;
use crate::clock;
use crate::error::Failure;
use crate::home::Home;
use crate::output::{At, Output};
use credentials::identifier::{OrganisationNumber, PersonNumber};
use credentials::time::DAY;
use credentials::{Code, Problem, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// The citizen of the story, general manager of [`CARRIER`].
pub const CITIZEN: &str = "14858834016";
/// The carrier of the story.
pub const CARRIER: &str = "219840365";
/// The person whose wallet does not keep the rules.
pub const STRANGER: &str = "03919043163";
/// The company whose wallet does not keep the rules; the stranger is its general manager.
pub const STRANGER_COMPANY: &str = "310682950";
/// Reference of the carrier's guarantee.
pub const GUARANTEE: &str = "SG-2022-004711";
/// Reference of the stranger's guarantee.
pub const STRANGER_GUARANTEE: &str = "SG-2023-000815";
/// Account that taxes are paid to.
const CLAIMS_ACCOUNT: &str = "12341203870";
/// Most persons or companies.
const COUNT_MAX: u32 = 200_000;

/// Given name, family name, number.
const CAST: &[(&str, &str, &str)] = &[
    ("Rolig", "Fiskebåt", CITIZEN),
    ("Munter", "Lyngbakke", STRANGER),
    ("Stille", "Granskog", "22824141278"),
    ("Trygg", "Havbris", "09897540565"),
    ("Gammel", "Eikelund", "01873841164"),
    ("Blid", "Eikelund", "17836641051"),
    ("Kvikk", "Eikelund", "28927041547"),
    ("Myndig", "Fjelltopp", "05867140222"),
    ("Driftig", "Elvebredd", "19908240378"),
    ("Klok", "Bregne", "30887940025"),
    ("Ny", "Kystlinje", "52849448080"),
    ("Andreas-lik", "Strømmer", "24818446027"),
    ("Nøktern", "Advokat", "11836941847"),
    ("Rask", "Kvist", "07929345244"),
    ("Liten", "Maur", "15861296110"),
    ("Myk", "Maur", "02888447183"),
];

/// Number, name, legal form, who manages it.
const COMPANIES: &[(&str, &str, &str, usize)] = &[
    ("312045877", "FORNUFTIG FISKEBÅT AS", "AS", 8),
    (CARRIER, "TREG LASTEBIL AS", "AS", 0),
    (STRANGER_COMPANY, "TOMT SKALL AS", "AS", 1),
    ("216039483", "STRØMMER ELEKTRO", "ENK", 11),
    ("314768205", "SYNTETISK LIV OG SKADE AS", "AS", 7),
    ("317274068", "SYNTETISK EIENDOMSMEGLING AS", "AS", 9),
];

const GIVEN: &[&str] = &[
    "Blid",
    "Rolig",
    "Kvikk",
    "Stille",
    "Modig",
    "Varsom",
    "Glad",
    "Sindig",
    "Lystig",
    "Trygg",
    "Vennlig",
    "Spinkel",
    "Sterk",
    "Tålmodig",
    "Snill",
    "Ærlig",
    "Ivrig",
    "Frisk",
    "Lun",
    "Rask",
];
const FAMILY: &[&str] = &[
    "Bjørkeli",
    "Steinvik",
    "Furumo",
    "Sandnes",
    "Myrhaug",
    "Elvestad",
    "Nordlys",
    "Havgull",
    "Åsgård",
    "Tindvåg",
    "Rognlund",
    "Skogheim",
    "Fjordgløtt",
    "Vassdal",
    "Lyngmo",
    "Øyslette",
    "Granli",
    "Kvernberg",
    "Solbakk",
    "Heivang",
];
const TOWNS: &[(&str, &str, &str)] = &[
    ("0150", "OSLO", "0301"),
    ("5003", "BERGEN", "4601"),
    ("7011", "TRONDHEIM", "5001"),
    ("9008", "TROMSØ", "5501"),
    ("4006", "STAVANGER", "1103"),
];

struct Person {
    given: String,
    family: String,
    number: String,
    born: String,
}

struct Company {
    number: String,
    name: String,
    form: &'static str,
    manager: usize,
}

/// Writes the registers. Exit 0.
pub fn command(output: &Output, population: &Population) -> Result<u8, Failure> {
    write(
        &population.out,
        population.persons,
        population.companies,
        population.seed,
        clock::now(),
    )?;
    let path = population.out.display().to_string();
    if output.json {
        let (persons, companies) = (population.persons, population.companies);
        output.object(&json!({"schema": "population/v1", "path": path, "persons": persons, "companies": companies}));
    } else {
        output.print("population-written", &[("path", &path)]);
    }
    Ok(0)
}

/// Refuses sizes that leave no room for the cast, or that are too large.
pub fn check(persons: u32, companies: u32) -> Result<(), Failure> {
    for (count, least, what) in [
        (persons, CAST.len(), "--persons"),
        (companies, COMPANIES.len(), "--companies"),
    ] {
        if count > COUNT_MAX || (count as usize) < least {
            return Err(Problem::new(Code::Usage, format!("{what}: {least} to {COUNT_MAX}")).into());
        }
    }
    Ok(())
}

/// Writes `pid.jsonl`, `income.jsonl`, `tax.jsonl`, `loan.jsonl`, `guarantee.jsonl`, `company.jsonl`, `claims.jsonl`,
/// `aap.jsonl` and `disability.jsonl` into a folder.
pub fn write(folder: &Path, persons: u32, companies: u32, seed: u64, now: Timestamp) -> Result<(), Failure> {
    check(persons, companies)?;
    Home::at(folder)?.create()?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let people = people(persons as usize, &mut random);
    let firms = firms(companies as usize, people.len(), &mut random);
    let day = now.day();
    let file = |name: &str, rows: Vec<Value>| -> Result<(), Failure> {
        let mut text = String::new();
        for row in rows {
            // Writing to a String cannot fail.
            let _ignored = writeln!(text, "{row}");
        }
        crate::home::write(&folder.join(name), text.as_bytes())
    };
    file("pid.jsonl", people.iter().map(|p| identification(p, day)).collect())?;
    let incomes: Vec<(i64, &Company)> = people
        .iter()
        .map(|_| (salary(&mut random), firm(&firms, &mut random)))
        .collect();
    file(
        "income.jsonl",
        people
            .iter()
            .zip(&incomes)
            .map(|(p, (pay, at))| income(p, *pay, at, day))
            .collect(),
    )?;
    file(
        "tax.jsonl",
        people
            .iter()
            .zip(&incomes)
            .map(|(p, (pay, at))| tax(p, *pay, at, day))
            .collect(),
    )?;
    let mut loans = Vec::new();
    for (index, person) in people.iter().enumerate() {
        let (chance, amount) = (random.next_u32() % 10, i64::from(random.next_u32() % 400_000));
        if index < 2 || chance < 4 {
            let amount = if index == 0 { 312_450 } else { amount };
            loans.push(loan(person, amount, day));
        }
    }
    file("loan.jsonl", loans)?;
    file(
        "company.jsonl",
        firms.iter().map(|c| registration(c, &people)).collect(),
    )?;
    let mut guarantees = Vec::new();
    for (index, company) in firms.iter().enumerate() {
        let licences = random.next_u32() % 6;
        match company.number.as_str() {
            CARRIER => guarantees.push(guarantee(company, GUARANTEE, 3)),
            STRANGER_COMPANY => guarantees.push(guarantee(company, STRANGER_GUARANTEE, 1)),
            _ if licences > 3 => guarantees.push(guarantee(company, &format!("SG-2024-{index:06}"), licences)),
            _ => {}
        }
    }
    file("guarantee.jsonl", guarantees)?;
    let owed = |company: &Company, random: &mut ChaCha8Rng| {
        let manager = people.get(company.manager).or(people.first());
        claims(company, manager, i64::from(random.next_u32() % 90_000), day)
    };
    file(
        "claims.jsonl",
        firms.iter().map(|company| owed(company, &mut random)).collect(),
    )?;
    let (mut allowances, mut disabled) = (Vec::new(), Vec::new());
    for (index, person) in people.iter().enumerate() {
        let chance = random.next_u32() % 20;
        // The cast's two, and about one in ten of the others.
        if index < 2 || chance == 0 {
            allowances.push(allowance(person, index, day));
        }
        if index < 2 || chance == 1 {
            disabled.push(disability(person, day));
        }
    }
    file("aap.jsonl", allowances)?;
    file("disability.jsonl", disabled)
}

fn pick<'a, T>(from: &'a [T], random: &mut ChaCha8Rng) -> Option<&'a T> {
    let length = u32::try_from(from.len()).ok().filter(|l| *l > 0)?;
    from.get((random.next_u32() % length) as usize)
}

fn people(count: usize, random: &mut ChaCha8Rng) -> Vec<Person> {
    let mut taken = BTreeSet::new();
    let mut people: Vec<Person> = CAST
        .iter()
        .map(|(given, family, number)| {
            taken.insert((*number).to_owned());
            Person {
                given: (*given).to_owned(),
                family: (*family).to_owned(),
                number: (*number).to_owned(),
                born: born(number),
            }
        })
        .collect();
    while people.len() < count {
        let (day, month) = (random.next_u32() % 28 + 1, random.next_u32() % 12 + 1);
        let (year, individual) = (random.next_u32() % 55 + 1950, random.next_u32() % 500);
        let small = |number: u32| u16::try_from(number).unwrap_or(1);
        let number = PersonNumber::synthetic(small(day), small(month), small(year), small(individual));
        let Some(number) = number.map(|n| n.as_str().to_owned()) else {
            continue;
        };
        if !taken.insert(number.clone()) {
            continue;
        }
        let given = pick(GIVEN, random).copied().unwrap_or("Rolig").to_owned();
        let family = pick(FAMILY, random).copied().unwrap_or("Furumo").to_owned();
        people.push(Person {
            given,
            family,
            number,
            born: format!("{year}-{month:02}-{day:02}"),
        });
    }
    people
}

/// Day of birth of one of the cast: for these synthetic numbers it stands in the digits, and all of them are of the 1900s
/// or a child of 2012.
fn born(number: &str) -> String {
    let digits = |from: usize| {
        number
            .get(from..from + 2)
            .and_then(|d| d.parse::<u32>().ok())
            .unwrap_or(1)
    };
    let (day, month, year) = (digits(0) % 40, digits(2).saturating_sub(80), digits(4));
    let century = if year < 20 { 2000 } else { 1900 };
    format!("{}-{month:02}-{day:02}", century + year)
}

fn firms(count: usize, people: usize, random: &mut ChaCha8Rng) -> Vec<Company> {
    let mut taken = BTreeSet::new();
    let mut firms: Vec<Company> = COMPANIES
        .iter()
        .map(|(number, name, form, manager)| {
            taken.insert((*number).to_owned());
            Company {
                number: (*number).to_owned(),
                name: (*name).to_owned(),
                form,
                manager: *manager,
            }
        })
        .collect();
    while firms.len() < count {
        let base = 20_000_000 + random.next_u32() % 20_000_000;
        let Some(number) = OrganisationNumber::synthetic(base).map(|n| n.as_str().to_owned()) else {
            continue;
        };
        if !taken.insert(number.clone()) {
            continue;
        }
        let given = pick(GIVEN, random).copied().unwrap_or("Rolig");
        let family = pick(FAMILY, random).copied().unwrap_or("Furumo");
        let manager = random.next_u32() as usize % people.max(1);
        firms.push(Company {
            number,
            name: format!("{given} {family} AS").to_uppercase(),
            form: "AS",
            manager,
        });
    }
    firms
}

fn salary(random: &mut ChaCha8Rng) -> i64 {
    32_000 + i64::from(random.next_u32() % 60_000)
}

fn firm<'a>(firms: &'a [Company], random: &mut ChaCha8Rng) -> &'a Company {
    pick(firms, random).expect("there are companies: the cast's at least")
}

/// `YYYY-MM` so many months before a day.
fn month(day: Timestamp, back: u32) -> String {
    let date = day.date();
    let year: u32 = date.get(..4).and_then(|y| y.parse().ok()).unwrap_or(2026);
    let month: u32 = date.get(5..7).and_then(|m| m.parse().ok()).unwrap_or(1);
    let index = (year * 12 + month - 1).saturating_sub(back);
    format!("{}-{:02}", index / 12, index % 12 + 1)
}

fn identification(person: &Person, day: Timestamp) -> Value {
    let adult = person.born < day.plus(-18 * 365 * DAY - 5 * DAY).date();
    json!({
        "family_name": person.family, "given_name": person.given, "birth_date": person.born, "birth_place": "NO",
        "nationality": ["NO"], "personal_administrative_number": person.number, "age_over_18": adult,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO",
        "expiry_date": day.plus(1800 * DAY).date(),
    })
}

fn income(person: &Person, pay: i64, at: &Company, day: Timestamp) -> Value {
    let months = [month(day, 2), month(day, 1)];
    let statements: Vec<Value> = months
        .iter()
        .map(|month| {
            json!({
                "opplysningspliktigId": at.number, "virksomhetId": at.number, "kalendermaaned": month,
                "inntektsmottaker": { "personidentifikator": person.number },
                "inntekt": [{
                    "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                    "beloep": format!("{pay}.00"), "loennsinntekt": { "beskrivelse": "fastloenn" },
                }],
            })
        })
        .collect();
    json!({
        "personidentifikator": person.number, "fraOgMed": month(day, 2), "tilOgMed": month(day, 1),
        "ajourholdstidspunkt": day.to_string(), "oppgaveInntektsmottaker": statements,
        "derived": { "monthsWithStatement": months.len(), "sumKontantytelse": format!("{}.00", pay * 2) },
    })
}

fn tax(person: &Person, pay: i64, at: &Company, day: Timestamp) -> Value {
    let year: i64 = day.date().get(..4).and_then(|y| y.parse().ok()).unwrap_or(2026) - 1;
    json!({
        "personidentifikator": person.number, "inntektsaar": year.to_string(), "stadie": "oppgjoer",
        "skatteoppgjoersdato": format!("{}-05-27", year + 1), "ajourholdstidspunkt": day.to_string(), "skjermet": false,
        "grunnlag": [
            { "tekniskNavn": "samletLoennsinntektMedTrygdeavgiftspliktOgMedTrekkplikt", "beloep": pay * 12,
              "kategori": "inntekt", "spesifisering": [{ "type": "LoennOgTilsvarendeYtelser",
              "arbeidsgiversNavn": at.name, "organisasjonsnummer": at.number, "beloep": pay * 12 }] },
            { "tekniskNavn": "minstefradragIInntekt", "beloep": 92_000, "kategori": "inntektsfradrag" },
            { "tekniskNavn": "samletGjeld", "beloep": pay * 36, "kategori": "-" },
        ],
    })
}

fn loan(person: &Person, amount: i64, day: Timestamp) -> Value {
    let (interest, booked) = (amount / 260, day.plus(-30 * DAY).to_string());
    let account = |name: &str, amount: i64| {
        json!({
            "Name": name, "Bban": person.number, "Assert": "",
            "Balances": [{ "BalanceType": "closingBooked", "LastChangeDateTime": booked,
                "BalanceAmount": { "currency": "NOK", "amount": format!("{amount}.00") } }],
        })
    };
    json!({
        "personidentifikator": person.number, "Accounts": [account("Lån", amount), account("Renter", interest)],
        "TotalAmount": { "currency": "NOK", "amount": format!("{}.00", amount + interest) },
        "formaal": "visning-i-nettbank", "ikkeTilKredittvurdering": true, "slettVedUtlogging": true,
    })
}

fn registration(company: &Company, people: &[Person]) -> Value {
    let manager = people
        .get(company.manager)
        .or(people.first())
        .expect("there are people: the cast at least");
    let index = company.number.bytes().map(usize::from).sum::<usize>() % TOWNS.len();
    let (code, town, municipality) = TOWNS.get(index).copied().unwrap_or(("0150", "OSLO", "0301"));
    let role = if company.form == "ENK" {
        ("INNH", "Innehaver")
    } else {
        ("DAGL", "Daglig leder")
    };
    json!({
        "organisasjonsnummer": company.number, "navn": company.name,
        "organisasjonsform": { "kode": company.form, "beskrivelse":
            if company.form == "ENK" { "Enkeltpersonforetak" } else { "Aksjeselskap" } },
        "registreringsdatoEnhetsregisteret": "2021-02-12", "stiftelsesdato": "2021-02-01",
        "forretningsadresse": { "adresse": ["Testveien 1"], "postnummer": code, "poststed": town,
            "kommunenummer": municipality, "kommune": town, "landkode": "NO", "land": "Norge" },
        "antallAnsatte": 7, "harRegistrertAntallAnsatte": true, "registrertIMvaregisteret": true,
        "registrertIForetaksregisteret": company.form == "AS", "konkurs": false, "underAvvikling": false,
        "underTvangsavviklingEllerTvangsopplosning": false, "maalform": "Bokmål",
        "rollegrupper": [{ "type": { "kode": role.0, "beskrivelse": role.1 }, "sistEndret": "2021-02-12",
            "roller": [{ "type": { "kode": role.0, "beskrivelse": role.1 },
                "person": { "fodselsnummer": manager.number, "fodselsdato": manager.born,
                    "navn": { "fornavn": manager.given, "etternavn": manager.family }, "erDoed": false },
                "avregistrert": false, "rekkefolge": 0 }] }],
    })
}

/// What a company owes. A sole proprietor's answer has the proprietor's own tax in it, as the register's has.
fn claims(company: &Company, manager: Option<&Person>, amount: i64, day: Timestamp) -> Value {
    let (amount, own) = (amount + 1_000, 22_100);
    let due = |number: &str, amount: i64, day: Timestamp| {
        json!([{ "kravforfallsIdentifikator": format!("{number}-1"), "forfallsdato": day.date(), "opprinneligBeloep": amount,
            "gjenstaaendeBeloep": amount, "betalingsinformasjon": { "konto": { "kontonummer": CLAIMS_ACCOUNT,
            "iban": "NO4612341203870", "swiftBIC": "SYNTNO22" }, "kid": "3102045870020266" },
            "plassertInnbetaling": [], "plassertMotkrav": [], "utsattIverksettelse": false }])
    };
    let claim = |party: &str, number: &str, kind: &str, text: &str, amount: i64, due: Value| {
        json!({ "partIdentifikator": party, "kravidentifikator": number, "kravtype": kind, "kravgruppe": text,
            "kravbeskrivelse": { "spraakTekst": [{ "tekst": text, "spraak": "nb" }] },
            "opprinneligBeloep": amount, "gjenstaaendeBeloep": amount, "stipulerteRenter": 0, "kravforfall": due })
    };
    let vat = "1003004001";
    let mut open = vec![claim(
        &company.number,
        vat,
        "MERVERDIAVGIFT",
        "Merverdiavgift",
        amount,
        due(vat, amount, day.plus(20 * DAY)),
    )];
    let mut owed = amount;
    if let (Some(owner), "ENK") = (manager, company.form) {
        let tax = "1003004002";
        let due = due(tax, own, day.plus(30 * DAY));
        open.push(claim(&owner.number, tax, "RESTSKATT", "Restskatt", own, due));
        owed += own;
    }
    json!({
        "partIdentifikator": company.number, "skjermet": false, "ajourholdstidspunkt": day.to_string(),
        "aapentKravMedGjenstaaendeBeloep": open, "innbetalingMedUplassertBeloep": [],
        "totalOversikt": { "sumStipulerteRenter": 0, "sumForfalteKrav": 0, "sumIkkeForfalteKrav": owed,
            "sumUplasserteInnbetalinger": 0, "saldo": -owed },
    })
}

/// Work assessment allowance: the decision before it, one that was taken back, and it itself; two report cards.
fn allowance(person: &Person, index: usize, day: Timestamp) -> Value {
    let coded = |code: &str, name: &str| json!({ "kode": code, "termnavn": name });
    let decision = |number: usize, from: i64, to: Option<i64>, right: Value| {
        json!({ "vedtakId": 34_000_000 + index * 10 + number,
            "virkningsperiode": { "fraDato": day.plus(from * DAY).date(), "tilDato": to.map(|to| day.plus(to * DAY).date()) },
            "vedtakstype": coded("O", "Ny rettighet"), "vedtaksvariant": null, "vedtakstatus": coded("IVERK", "Iverksatt"),
            "rettighetstype": right, "utfall": coded("JA", "Ja"), "aktivitetsfase": null })
    };
    let card = |number: usize, from: i64| {
        json!({ "meldekortId": 990_000 + index * 10 + number, "antallTimerArbeidet": "15.0",
            "periode": { "fraDato": day.plus(from * DAY).date(), "tilDato": day.plus((from + 13) * DAY).date() } })
    };
    json!({
        "personidentifikator": person.number, "ajourholdstidspunkt": day.to_string(),
        "vedtak": {
            "uttrekksperiode": { "fraDato": day.plus(-300 * DAY).date(), "tilDato": day.date() },
            // Numbers are in no order of time.
            "vedtaksliste": [
                decision(2, -200, Some(160), coded("AAP", "Arbeidsavklaringspenger")),
                decision(3, -240, Some(-241), coded("AAP", "Arbeidsavklaringspenger")),
                decision(1, -260, None, coded("AA115", "§ 11-5 nedsatt arbeidsevne")),
            ],
        },
        "meldekort": {
            "uttrekksperiode": { "fraDato": day.plus(-30 * DAY).date(), "tilDato": day.date() },
            "meldekortliste": [card(1, -28), card(2, -14)],
        },
    })
}

/// A running disability benefit.
fn disability(person: &Person, day: Timestamp) -> Value {
    json!({
        "personidentifikator": person.number, "ajourholdstidspunkt": day.to_string(), "status": "LOPENDE",
        "forsteVirkningstidspunkt": day.plus(-240 * DAY).date(),
        "beregningsperioder": [{ "fom": day.plus(-240 * DAY).date(), "tom": null, "uforegrad": 50,
            "uforetidspunkt": day.plus(-600 * DAY).date(), "ifu": 540_000, "inntektBruktIAvkortingen": 210_000,
            "ferdiglignetInntekt": false, "klagebehandles": false }],
    })
}

/// An active guarantee; the story changes the row later.
fn guarantee(company: &Company, reference: &str, licences: u32) -> Value {
    let sum = 90_000 + 50_000 * i64::from(licences.saturating_sub(1));
    json!({
        "loeyvehaver": { "organisasjonsnummer": company.number, "navn": company.name },
        "garantist": { "organisasjonsnummer": "315902738", "navn": "SOLID GARANTI ASA",
            "konsesjon": "finansforetaksloven § 2-7" },
        "loeyvemyndighet": { "organisasjonsnummer": "971032081", "navn": "Statens vegvesen" },
        "garantireferanse": reference, "loeyvetype": "godstransport", "antallLoeyver": licences.max(1), "satsaar": 2022,
        "garantisum": { "valuta": "NOK", "beloep": format!("{sum}.00") }, "gyldigFra": "2022-04-01", "status": "aktiv",
    })
}

/// The same guarantee ended: by its holder at once, or by the guarantor with notice (dates `YYYY-MM-DD`).
pub fn end(row: &mut Value, by: &str, notice: &str, ends: &str) {
    row.put("status", json!("oppsagt"));
    row.put(
        "oppsigelse",
        json!({ "oppsagtAv": by, "varselDato": notice, "opphoersdato": ends }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use credentials::schema::Types;

    fn written(seed: u64) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().expect("folder");
        let now = Timestamp::parse("2026-11-22T10:00:00Z").expect("valid");
        write(folder.path(), 200, 50, seed, now).expect("writes");
        [
            "pid",
            "income",
            "tax",
            "loan",
            "guarantee",
            "company",
            "claims",
            "aap",
            "disability",
        ]
        .map(|name| {
            let path = folder.path().join(format!("{name}.jsonl"));
            (name.to_owned(), std::fs::read_to_string(path).expect("reads"))
        })
        .into()
    }

    #[test]
    fn every_row_is_taken_by_its_type() {
        let types = Types::builtin();
        let names = [
            ("pid", "C01"),
            ("income", "C02"),
            ("tax", "C03"),
            ("loan", "C04"),
            ("guarantee", "C05"),
            ("claims", "C13"),
            ("aap", "C08"),
            ("disability", "C09"),
        ];
        for (name, id) in names.into_iter().chain([("company", "C06")]) {
            let credential_type = types.find(id).expect("known");
            let files = written(7);
            let (_, text) = files.iter().find(|(file, _)| file == name).expect("written");
            assert!(text.lines().count() > 5, "{name}");
            for line in text.lines() {
                let value = credentials::json::parse(line.as_bytes(), 1 << 16).expect("parses");
                credential_type.row(value).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            }
        }
    }

    #[test]
    fn one_seed_is_one_population_and_the_cast_is_in_it() {
        assert_eq!(written(3), written(3));
        assert_ne!(written(3), written(4));
        for (name, text) in written(4) {
            let cast = match name.as_str() {
                "guarantee" | "company" | "claims" => CARRIER,
                _ => CITIZEN,
            };
            assert!(text.contains(cast), "{name}");
        }
    }

    #[test]
    fn everybody_is_synthetic() {
        for (_, text) in written(5) {
            // An account is told from a person by where it stands, never by its digits.
            let text = text.replace(&format!("\"kontonummer\":\"{CLAIMS_ACCOUNT}\""), "");
            for word in text.split(|c: char| !c.is_ascii_digit()).filter(|w| w.len() == 11) {
                assert!(
                    PersonNumber::parse(word).is_some_and(|n| n.is_synthetic()),
                    "a person number that is not"
                );
            }
        }
    }
}
