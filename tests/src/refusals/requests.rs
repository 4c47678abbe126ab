//! Requests at the wallet's door.
//!
//! A wallet that runs and holds what is asked, a real bank, and a listed stranger who asks for what it may not. Whoever asks gets
//! nothing: no answer, no refusal, not even a code. The holder gets code, sentence and remedy, and the history a line.

use super::Line;
use super::line;
use super::stage::{Stage, expect_logged, mark};
use crate::network::{BANK, IDENTITY, TAX, ask, collect, import, receive, share, text};
use crate::process::{Home, finish};
use crate::stranger::{Holder, Played, Window, fresh_name};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::Code;
use credentials::protocol::presentation::Ask;
use credentials::request::Request;
use credentials::service::{Registration, Statement};
use credentials::time::DAY;
use node::clock;
use node::population::CITIZEN;
use node::text::Catalogue;
use serde_json::{Value, json};

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    asked("over-asking by claim", Code::OverAsk),
    asked("over-asking by type", Code::OverAsk),
    asked("over-asking by purpose", Code::OverAsk),
    asked("over-asking by time", Code::OverAsk),
    asked("over-asking by keeping", Code::OverAsk),
    asked("a request that leaves out its purpose", Code::Malformed),
    asked("a request with two purposes", Code::Malformed),
    asked("unsigned request", Code::UnsignedRequest),
    asked(
        "a listed bank forwarding another bank's genuine request",
        Code::WrongOrigin,
    ),
    asked("request from a PeerId not in it", Code::WrongOrigin),
    asked("expired request", Code::Expired),
    asked("cut link", Code::LinkInvalid),
    asked("cut QR text", Code::LinkInvalid),
];

const fn asked(kind: &'static str, code: Code) -> Line {
    Line {
        kind,
        code,
        test: "a_request_beyond_its_right_is_refused_and_nothing_is_shared",
    }
}

/// A query for one type.
fn query(vct: &str, claims: &[&[&str]]) -> Value {
    let claims: Vec<Value> = claims.iter().map(|path| json!({ "path": path })).collect();
    json!({ "credentials": [{
        "id": "asked", "format": "dc+sd-jwt", "meta": { "vct_values": [vct] }, "claims": claims,
    }] })
}

/// What S01 may ask.
fn pay() -> Value {
    query(
        "urn:bevis:MonthlyIncome:1",
        &[&["personidentifikator"], &["derived", "sumKontantytelse"]],
    )
}

/// The wallet's door, and the lender before it.
struct Door<'a> {
    wallet: &'a Home,
    lender: &'a Played,
}

impl Door<'_> {
    /// What the wallet has recorded: everything, and what was shared.
    fn history(&self) -> (Vec<Value>, usize) {
        let history = self.wallet.ok(&["wallet", "history"]);
        let events = history["events"].as_array().expect("events").clone();
        let shared = events.iter().filter(|event| event["what"] == "shared").count();
        (events, shared)
    }

    /// The wallet refuses a text: `--json`, text in both languages, log; nothing is shared, decided or put before the person.
    /// Gives the problem's detail.
    #[track_caller]
    fn refuses(&self, kind: &str, link: &str) -> Value {
        let line = line(kind);
        self.lender.asked();
        let (before, shared) = self.history();
        let since = mark(self.wallet);
        let input = format!("{link}\n");
        let said = line.expect_json(self.wallet.run_with(&["wallet", "receive", "-"], &input));
        let detail = said.json()["detail"].clone();
        for language in ["nb", "nn", "en"] {
            let typed = self.wallet.typed(&["--lang", language, "wallet", "receive", "-"]);
            let told = line.expect_text(finish(typed, &input), language);
            if line.code == Code::OverAsk {
                let words = Catalogue::new(language).too_much(&text(&detail));
                assert!(told.stderr.contains(&words), "{words:?} is not in: {told:?}");
            }
        }
        expect_logged(self.wallet, since, line);
        let waiting = self.wallet.ok(&["wallet", "requests"])["requests"].clone();
        // A no that is on its way to its asker is no question any more.
        let mut open = waiting
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["state"] != "refused");
        assert_eq!(open.next(), None, "{kind}: nothing waits for a yes");
        let (after, still) = self.history();
        assert_eq!(still, shared, "{kind}: nothing was shared");
        for event in after.iter().filter(|event| !before.contains(event)) {
            assert_eq!(
                (&event["what"], &event["code"]),
                (&json!("failed"), &json!(line.code.as_str())),
                "{kind}"
            );
        }
        let told = self.lender.asked();
        assert!(
            told.iter().all(|ask| matches!(ask, Ask::Fetch { .. })),
            "{kind}: the asker hears nothing: {told:?}"
        );
        detail
    }

    /// The acceptance: the request waits for the person's yes, who says no.
    #[track_caller]
    fn accepts(&self, link: &str) {
        let id = receive(self.wallet, link);
        let read = finish(
            self.wallet
                .typed(&["--lang", "en", "--no-input", "wallet", "present", &id]),
            "",
        )
        .expect(6);
        assert!(read.stderr.contains("FREMMED BANK"), "{read:?}");
        assert_eq!(self.wallet.ok(&["wallet", "refuse", &id])["outcome"], "refused");
    }

    /// A signed request that the lender's node hands out: its link.
    fn ask(&self, service: &str, query: &Value, bend: impl FnOnce(&mut Request)) -> String {
        let (signed, request) = self.lender.request(service, query, bend);
        self.lender.hand_out(&request.session, &signed)
    }

    /// The same, with members of `bevis` changed or taken out after it was written, and signed as it then is.
    fn ask_with(&self, change: impl FnOnce(&mut Value)) -> String {
        let (signed, request) = self.lender.request("S01", &pay(), |_| {});
        let payload = signed.split('.').nth(1).expect("a JWS");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
        change(&mut payload["bevis"]);
        self.lender
            .hand_out(&request.session, &self.lender.signed_request(&payload))
    }
}

#[test]
fn a_request_beyond_its_right_is_refused_and_nothing_is_shared() {
    let stage = Stage::new();
    let network = &stage.network;
    let lender = Played::start(
        &stage.world,
        "did:web:fremmed.example",
        "971032081",
        "FREMMED BANK",
        &[Window::Now],
    );
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let mut citizen = network.wallet("citizen", &[]);
    stage.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)],
        &mut [&mut citizen],
        vec![lender.entry(&[], &["S01"])],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");
    // The wallet has what is asked below, and shows it to whoever asks rightly.
    share(&bank, &citizen, "S01", "LAN-0", CITIZEN, &["C02"]);
    let door = Door {
        wallet: &citizen,
        lender: &lender,
    };
    assert_eq!(door.history().1, 1);

    over_asking(&door);
    incomplete(&door);
    not_by_its_signer(&door, &bank, &Holder::new(&stage.world));
    out_of_time(&door);
    cut(&door, &bank);

    // Whatever was refused above: one thing was shared, with the bank.
    let (events, shared) = door.history();
    assert_eq!(shared, 1, "{events:?}");
    share(&bank, &citizen, "S01", "LAN-9", CITIZEN, &["C02"]);
}

fn over_asking(door: &Door<'_>) {
    door.accepts(&door.ask("S01", &pay(), |_| {}));
    let employer = &["oppgaveInntektsmottaker", "inntektsmottaker"];
    let claim = query("urn:bevis:MonthlyIncome:1", &[&["personidentifikator"], employer]);
    let refused = door.refuses("over-asking by claim", &door.ask("S01", &claim, |_| {}));
    assert_eq!(
        refused, "oppgaveInntektsmottaker.inntektsmottaker",
        "the holder is told which claim was too much"
    );
    let loan = query("urn:bevis:StudentLoanBalance:1", &[&["personidentifikator"]]);
    let refused = door.refuses("over-asking by type", &door.ask("S01", &loan, |_| {}));
    assert_eq!(refused, "StudentLoanBalance under S01");
    // A service that exists, and that another bank may ask under.
    let refused = door.refuses("over-asking by purpose", &door.ask("S15", &loan, |_| {}));
    assert_eq!(refused, "S15");
    let week = 7 * DAY;
    let long = |seconds: i64| door.ask("S01", &pay(), |request| request.expires = request.issued.plus(seconds));
    door.accepts(&long(week));
    assert_eq!(door.refuses("over-asking by time", &long(week + 1)), "time");
    let stated = |bend: fn(&mut Statement)| door.ask("S01", &pay(), |request| bend(&mut request.stated));
    let other = stated(|stated| stated.purpose = "marketing".to_owned());
    assert_eq!(door.refuses("over-asking by purpose", &other), "purpose");
    door.accepts(&stated(|stated| stated.keep_seconds -= 1));
    let longer = stated(|stated| stated.keep_seconds += 1);
    assert_eq!(door.refuses("over-asking by keeping", &longer), "keep_seconds");
}

fn incomplete(door: &Door<'_>) {
    door.accepts(&door.ask_with(|_| {}));
    for member in ["purpose", "ground", "keep_seconds", "status_age_max", "service", "case"] {
        let without = door.ask_with(|bevis| {
            bevis.as_object_mut().expect("an object").remove(member).expect("there");
        });
        door.refuses("a request that leaves out its purpose", &without);
    }
    for two in [
        json!(["loan_application", "marketing"]),
        json!("loan_application marketing"),
    ] {
        door.refuses(
            "a request with two purposes",
            &door.ask_with(|bevis| bevis["purpose"] = two),
        );
    }
    // What it says of its own registration counts for nothing: it is refused for saying it.
    let wide = Registration::known("S01").expect("built in");
    let own = door.ask_with(|bevis| bevis["registration"] = json!(wide));
    door.refuses("a request that leaves out its purpose", &own);
}

fn not_by_its_signer(door: &Door<'_>, bank: &Home, holder: &Holder) {
    let (signed, request) = door.lender.request("S01", &pay(), |_| {});
    door.accepts(&door.lender.hand_out(&request.session, &signed));
    // The same request without its signature: as bare JSON, with `alg` none, with the signature cut off.
    let (_, payload) = signed.split_once('.').expect("a JWS");
    let (payload, _) = payload.split_once('.').expect("a JWS");
    let bare = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("UTF-8");
    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "oauth-authz-req+jwt" }).to_string());
    let cut = signed.rsplit_once('.').expect("a JWS").0;
    for text in [bare, format!("{none}.{payload}."), format!("{cut}.")] {
        door.refuses("unsigned request", &door.lender.hand_out(&request.session, &text));
    }
    // The bank's own request, word by word, out of the lender's node: whoever reads the answer, it was not the lender's to ask.
    let (link, session) = ask(bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    let genuine = holder.fetch(&link).opened;
    let forwarded = door.lender.hand_out(&genuine.request.session, &genuine.jws);
    door.refuses("a listed bank forwarding another bank's genuine request", &forwarded);
    // From the bank's own node the same bytes are good.
    let id = receive(door.wallet, &link);
    assert_eq!(door.wallet.ok(&["wallet", "refuse", &id])["outcome"], "refused");
    let declined = bank.run(&["verifier", "watch", &session]).expect(6).json()["session"].clone();
    assert_eq!(
        (&declined["code"], &declined["verdict"]),
        (&json!("not_presented"), &Value::Null)
    );

    let elsewhere = genuine.request.origins.clone();
    let other = door.ask("S01", &pay(), |request| request.origins = elsewhere);
    door.refuses("request from a PeerId not in it", &other);
}

fn out_of_time(door: &Door<'_>) {
    let now = clock::now();
    let ago = |issued: i64, expires: i64| {
        door.ask("S01", &pay(), |request| {
            request.issued = now.plus(-issued);
            request.expires = now.plus(expires);
        })
    };
    door.accepts(&ago(300, 60));
    // The request has run out, though its link says otherwise.
    let over = ago(300, -1);
    door.refuses("expired request", &over);
    // A link that has run out is not even followed.
    let (signed, _) = door.lender.request("S01", &pay(), |_| {});
    let link = door.lender.link(&fresh_name(), &signed, now.plus(-1));
    door.refuses("expired request", &link);
}

fn cut(door: &Door<'_>, bank: &Home) {
    let link = door.ask("S01", &pay(), |_| {});
    let middle = link.len() / 2;
    for end in [link.len() - 1, link.len() - 9, middle, "bevis:request/".len()] {
        door.refuses("cut link", &link[..end]);
    }
    let altered = link.replacen(
        &link[middle..=middle],
        if &link[middle..=middle] == "A" { "B" } else { "A" },
        1,
    );
    door.refuses("cut link", &altered);
    door.accepts(&link);

    // What a code on a bank's screen says, as a scanner hands it on: whole, then without its last line.
    let arguments = [
        "--lang",
        "en",
        "verifier",
        "request",
        "--qr",
        "--service",
        "S01",
        "--case",
        "LAN-3",
    ];
    let typed = bank.typed(&[&arguments[..], &["--type", "C02", "--subject", "-"]].concat());
    let shown = finish(typed, &format!("{CITIZEN}\n")).expect(0);
    assert!(shown.stderr.contains('█'), "the code is on the screen");
    let text = shown.stdout.trim();
    let lines: Vec<&str> = (0..text.len())
        .step_by(40)
        .map(|at| &text[at..text.len().min(at + 40)])
        .collect();
    door.refuses("cut QR text", &lines[..lines.len() - 1].join("\n"));
    door.refuses("cut QR text", &lines[1..].join("\n"));
    let id = receive(door.wallet, &lines.join("\n"));
    assert_eq!(door.wallet.ok(&["wallet", "refuse", &id])["outcome"], "refused");
}
