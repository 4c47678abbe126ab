//! What the holder can show others: the receipt that both sides hold, and a report to the supervisory authority.

use crate::history::{Event, What};
use crate::tables::{DeletionRow, ReceiptRow, Row};
use crate::text::{Catalogue, language};
use crate::{Error, Wallet};
use credentials::Timestamp;
use credentials::decision::{self, Papers, Report};
use serde::{Deserialize, Serialize};

/// The authority that supervises the Norwegian organisations of the list.
pub const AUTHORITY: &str = "Datatilsynet";

/// Where it is found.
const AUTHORITY_SITE: &str = "datatilsynet.no";

/// A report as it is handed over.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Number of the line of the history that tells of it.
    pub entry: u64,
    /// The signed report ([`credentials::decision::Report`]), with all papers in it.
    pub signed: String,
    /// What it says, for people.
    pub text: String,
}

impl Row for Reported {
    const TABLE: &'static str = "wallet-reports";
}

/// Everything signed that is about one request.
struct Signed {
    given: String,
    asked: String,
    receipt: Option<String>,
    withdrawal: Option<String>,
    deletion: Option<String>,
    erasure: Option<String>,
}

impl Signed {
    fn papers(&self) -> Papers<'_> {
        Papers {
            given: &self.given,
            receipt: self.receipt.as_deref(),
            withdrawal: self.withdrawal.as_deref(),
            deletion: self.deletion.as_deref(),
            erasure: self.erasure.as_deref(),
        }
    }

    fn into_texts(self) -> Vec<String> {
        let Signed {
            given,
            asked,
            receipt,
            withdrawal,
            deletion,
            erasure,
        } = self;
        let mut texts = vec![asked, given];
        texts.extend([receipt, withdrawal, deletion, erasure].into_iter().flatten());
        texts.retain(|text| !text.is_empty());
        texts
    }
}

impl Wallet {
    /// The receipt of what an entry of the history shared, granted or refused, as JSON-LD in the terms of ISO/IEC TS 27560 and DPV: the
    /// same bytes that the asker's own side writes when it has the same papers.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an entry that there is not or that is of no decision about an asker; [`Error::Store`], [`Error::Row`].
    pub fn receipt_document(&self, now: Timestamp, entry: u64) -> Result<String, Error> {
        let event = self.entry(entry)?;
        let signed = self.signed_for(&event)?;
        Ok(decision::json_ld(&signed.papers(), now)?)
    }

    /// Writes a report on an entry of the history, in what the person has to say, and a line about that into the history.
    ///
    /// # Errors
    /// As [`Wallet::receipt_document`], and `malformed` (`complaint`) beyond [`decision::COMPLAINT_MAX`] characters.
    pub fn report(
        &mut self,
        now: Timestamp,
        entry: u64,
        complaint: &str,
        language_wanted: &str,
    ) -> Result<Reported, Error> {
        let event = self.entry(entry)?;
        let given = self.given_for(&event)?;
        let signed = self.signed_for(&event)?;
        let key = self.tables.key(&given.key)?;
        let service = given.row.decision.service.clone();
        let text = self.report_text(&event, &signed, &service, complaint, language(language_wanted), now);
        let what = serde_json::to_value(event.what).ok();
        let report = Report {
            authority: AUTHORITY.to_owned(),
            asker: given.row.decision.recipient.clone(),
            service: service.clone(),
            request: given.hash.clone(),
            what: what
                .as_ref()
                .and_then(|what| what.as_str())
                .unwrap_or_default()
                .to_owned(),
            happened: event.at,
            complaint: complaint.to_owned(),
            papers: signed.into_texts(),
            at: now,
        };
        let signed = report.sign(&key)?;
        let line = Event {
            service: Some(service),
            request: Some(given.hash),
            ..self.event(now, What::Reported, &report.asker)
        };
        let entry = self.tables.next_event().saturating_add(1);
        let reported = Reported { entry, signed, text };
        let mut change = self.tables.change();
        change.event(&line)?;
        // Kept, so that the holder can hand it over later.
        change.put(&entry.to_string(), &reported)?;
        change.commit()?;
        Ok(reported)
    }

    /// A report that was written, by the number of its line in the history.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`], [`Error::Row`].
    pub fn reported(&self, entry: u64) -> Result<Reported, Error> {
        self.tables.get::<Reported>(&entry.to_string())?.ok_or(Error::NotFound)
    }

    fn signed_for(&self, event: &Event) -> Result<Signed, Error> {
        let given = self.given_for(event)?;
        let deletion = self.tables.get::<DeletionRow>(&given.hash)?;
        let grant = self.grant_by_request(&given.hash)?.map(|(_, row)| row);
        let receipt = self.tables.get::<ReceiptRow>(&given.hash)?.map(|row| row.signed);
        let answer = deletion.as_ref().and_then(|row| row.answer.clone());
        let of_grant = grant.as_ref().and_then(|row| row.erasure.clone());
        Ok(Signed {
            given: given.text,
            asked: given.row.asked,
            receipt,
            withdrawal: grant.as_ref().and_then(|row| row.withdrawal.clone()),
            deletion: deletion.map(|row| row.signed),
            // What the asker said last.
            erasure: answer.or(of_grant).filter(|text| !text.is_empty()),
        })
    }

    fn report_text(
        &self,
        event: &Event,
        signed: &Signed,
        service: &str,
        complaint: &str,
        language: &'static str,
        now: Timestamp,
    ) -> String {
        let texts = Catalogue::new(language, self.settings.kind);
        let happened = texts.moment(event.at);
        let now = texts.moment(now);
        let mut lines = vec![
            texts.fill("report-title", &[("authority", AUTHORITY)]),
            texts.fill("report-site", &[("site", AUTHORITY_SITE)]),
            texts.fill(
                "report-asker",
                &[("name", &event.with_name), ("did", &event.with.to_string())],
            ),
            texts.fill("report-service", &[("service", service)]),
            texts.fill("report-happened", &[("time", &happened)]),
        ];
        let has = [
            ("report-receipt", signed.receipt.is_some()),
            ("report-withdrawn", signed.withdrawal.is_some()),
            ("report-deletion", signed.deletion.is_some()),
            ("report-answer", signed.erasure.is_some()),
        ];
        lines.extend(has.iter().filter(|(_, has)| *has).map(|(key, _)| texts.fill(key, &[])));
        lines.push(match signed.deletion.is_some() && signed.erasure.is_none() {
            true => texts.fill("report-unanswered", &[]),
            false => String::new(),
        });
        lines.push(texts.fill("report-complaint", &[]));
        lines.extend(complaint.lines().map(crate::text::plain));
        lines.push(String::new());
        lines.push(texts.fill("report-made", &[("time", &now)]));
        let mut text = lines.join("\n");
        text.push('\n');
        text
    }
}
