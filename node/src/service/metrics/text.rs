//! The two texts in which figures go out: Prometheus's exposition format 0.0.4 (the command, for files that are collected) and
//! OpenMetrics 1.0 (the listener).

use super::figures::{Figure, Kind};
use std::fmt::Write;

/// A form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Whole(i128),
    /// Shown in seconds.
    Microseconds(u64),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Whole(value) => write!(f, "{value}"),
            Value::Microseconds(value) => write!(f, "{}", seconds(*value)),
        }
    }
}

/// Microseconds as seconds, without a float in between.
fn seconds(microseconds: u64) -> String {
    let text = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
    let short = text.trim_end_matches('0');
    match short.ends_with('.') {
        true => format!("{short}0"),
        false => short.to_owned(),
    }
}

struct Sample {
    /// What follows the name: `_bucket`, or nothing.
    suffix: &'static str,
    labels: Vec<(&'static str, String)>,
    value: Value,
}

/// The figures as they are gathered.
#[derive(Default)]
pub(super) struct Text(Vec<(&'static Figure, Vec<Sample>)>);

impl Text {
    /// A figure with its samples: the values of its labels, in their order, and the number. One without samples is left out.
    pub(super) fn add<const LABELS: usize, Label: Into<String>>(
        &mut self,
        figure: &'static Figure,
        samples: impl IntoIterator<Item = ([Label; LABELS], i128)>,
    ) {
        debug_assert_eq!(figure.labels.len(), LABELS, "{}", figure.name);
        let samples: Vec<Sample> = samples
            .into_iter()
            .map(|(labels, value)| Sample {
                suffix: "",
                labels: figure.labels.iter().copied().zip(labels.map(Into::into)).collect(),
                value: Value::Whole(value),
            })
            .collect();
        if !samples.is_empty() {
            self.0.push((figure, samples));
        }
    }

    /// A figure that has one number and no labels.
    pub(super) fn one(&mut self, figure: &'static Figure, value: impl Into<i128>) {
        self.add::<0, String>(figure, [([], value.into())]);
    }

    /// How many took at most so many microseconds, how many there were, and how long they took together.
    pub(super) fn histogram(&mut self, figure: &'static Figure, bounds: &[(u64, u64)], count: u64, sum: u64) {
        let sample = |suffix, le: Option<String>, value| Sample {
            suffix,
            labels: le.into_iter().map(|le| ("le", le)).collect(),
            value,
        };
        let mut samples: Vec<Sample> = bounds
            .iter()
            .map(|(bound, count)| sample("_bucket", Some(seconds(*bound)), Value::Whole((*count).into())))
            .collect();
        samples.push(sample("_bucket", Some("+Inf".to_owned()), Value::Whole(count.into())));
        samples.push(sample("_sum", None, Value::Microseconds(sum)));
        samples.push(sample("_count", None, Value::Whole(count.into())));
        self.0.push((figure, samples));
    }

    /// The text.
    pub(super) fn render(&self, format: Format) -> String {
        let mut text = String::new();
        for (figure, samples) in &self.0 {
            let Figure { name, kind, help, .. } = figure;
            match format {
                Format::Prometheus => {
                    // This format has no word for a constant that says something.
                    let word = match kind {
                        Kind::Info => Kind::Gauge.as_str(),
                        kind => kind.as_str(),
                    };
                    put(&mut text, format_args!("# HELP bevis_{name} {help}"));
                    put(&mut text, format_args!("# TYPE bevis_{name} {word}"));
                }
                Format::OpenMetrics => {
                    let family = family(figure);
                    put(&mut text, format_args!("# TYPE bevis_{family} {}", kind.as_str()));
                    if let Some(unit) = unit(family) {
                        put(&mut text, format_args!("# UNIT bevis_{family} {unit}"));
                    }
                    put(&mut text, format_args!("# HELP bevis_{family} {help}"));
                }
            }
            for sample in samples {
                let labels: Vec<String> = sample
                    .labels
                    .iter()
                    .map(|(label, value)| format!("{label}=\"{}\"", escape(value)))
                    .collect();
                let labels = match labels.is_empty() {
                    true => String::new(),
                    false => format!("{{{}}}", labels.join(",")),
                };
                let (suffix, value) = (sample.suffix, sample.value);
                put(&mut text, format_args!("bevis_{name}{suffix}{labels} {value}"));
            }
        }
        if format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    if writeln!(text, "{line}").is_err() {
        tracing::error!("a line of figures was lost");
    }
}

/// The name of a figure's family in OpenMetrics: counters and infos have their ending on the samples alone.
fn family(figure: &Figure) -> &'static str {
    let ending = match figure.kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::Histogram => "",
    };
    figure.name.strip_suffix(ending).unwrap_or(figure.name)
}

fn unit(family: &str) -> Option<&'static str> {
    ["seconds", "bytes"]
        .into_iter()
        .find(|unit| family.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
}

/// A label's value (both formats: backslash, quote and line feed are written out).
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::figures;
    use super::*;

    fn text() -> Text {
        let mut text = Text::default();
        text.add(&figures::BUILD, [(["1.2.3"], 1)]);
        text.one(&figures::STORE_BYTES, 3);
        text.add(&figures::REFUSALS, [(["hello", "a\"b\\c\nd"], 7)]);
        text.add::<1, String>(&figures::STATUS_LISTS, []);
        text.histogram(&figures::STORE_SYNC, &[(500, 2), (250_000, 3)], 4, 3_000_070);
        text
    }

    #[test]
    fn figures_stand_as_prometheus_reads_them() {
        assert_eq!(
            text().render(Format::Prometheus),
            "# HELP bevis_build_info The program.\n# TYPE bevis_build_info gauge\nbevis_build_info{version=\"1.2.3\"} 1\n\
             # HELP bevis_store_bytes Bytes of the journal.\n# TYPE bevis_store_bytes gauge\nbevis_store_bytes 3\n\
             # HELP bevis_refusals_total What was refused, by code.\n# TYPE bevis_refusals_total counter\n\
             bevis_refusals_total{of=\"hello\",code=\"a\\\"b\\\\c\\nd\"} 7\n\
             # HELP bevis_store_sync_seconds How long it took to make files of the store durable.\n\
             # TYPE bevis_store_sync_seconds histogram\n\
             bevis_store_sync_seconds_bucket{le=\"0.0005\"} 2\nbevis_store_sync_seconds_bucket{le=\"0.25\"} 3\n\
             bevis_store_sync_seconds_bucket{le=\"+Inf\"} 4\n\
             bevis_store_sync_seconds_sum 3.00007\nbevis_store_sync_seconds_count 4\n"
        );
    }

    #[test]
    fn figures_stand_as_openmetrics_has_them_with_the_end_marked() {
        assert_eq!(
            text().render(Format::OpenMetrics),
            "# TYPE bevis_build info\n# HELP bevis_build The program.\nbevis_build_info{version=\"1.2.3\"} 1\n\
             # TYPE bevis_store_bytes gauge\n# UNIT bevis_store_bytes bytes\n# HELP bevis_store_bytes Bytes of the journal.\n\
             bevis_store_bytes 3\n\
             # TYPE bevis_refusals counter\n# HELP bevis_refusals What was refused, by code.\n\
             bevis_refusals_total{of=\"hello\",code=\"a\\\"b\\\\c\\nd\"} 7\n\
             # TYPE bevis_store_sync_seconds histogram\n# UNIT bevis_store_sync_seconds seconds\n\
             # HELP bevis_store_sync_seconds How long it took to make files of the store durable.\n\
             bevis_store_sync_seconds_bucket{le=\"0.0005\"} 2\nbevis_store_sync_seconds_bucket{le=\"0.25\"} 3\n\
             bevis_store_sync_seconds_bucket{le=\"+Inf\"} 4\n\
             bevis_store_sync_seconds_sum 3.00007\nbevis_store_sync_seconds_count 4\n# EOF\n"
        );
    }

    #[test]
    fn seconds_are_written_without_a_float() {
        for (microseconds, text) in [(0, "0.0"), (1, "0.000001"), (2_500_000, "2.5"), (3_000_000, "3.0")] {
            assert_eq!(seconds(microseconds), text);
        }
    }
}
