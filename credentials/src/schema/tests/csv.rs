//! Rows from CSV.

use super::*;

#[test]
fn the_same_row_comes_from_csv_and_from_json() {
    let declared = seventh();
    let header = [
        "fnr",
        "nummer",
        "status",
        "gyldig",
        "avgift",
        "helse.syn",
        "baater.0.navn",
        "baater.0.verdi",
        "baater.2.navn",
        "konto",
    ];
    let cells = [
        "14858834016",
        "7",
        "ny",
        "true",
        "48500.00",
        "1988-05-14",
        "A",
        "10",
        "B",
        "",
    ];
    let row = declared.csv_row(&header, &cells).expect("row");
    let same = with(
        r#""status":"ny","gyldig":true,"avgift":48500.00,"helse":{"syn":"1988-05-14"},"baater":[{"navn":"A","verdi":10},{"navn":"B"}]"#,
    );
    assert_eq!(row, declared.row(same).expect("row"));
}

#[test]
fn a_csv_column_or_cell_that_does_not_fit_is_refused_without_telling_it() {
    let check = |column: &str, cell: &str, expected: Result<(), (&str, &str)>| {
        let found = seventh().csv_row(&["fnr", "nummer", column], &["14858834016", "7", cell]);
        let expected = expected.map_err(|(path, reason)| RowError::new(path, reason));
        assert_eq!(found.map(|_| ()), expected, "{column}={cell}");
    };
    check("gyldig", "false", Ok(()));
    check("gyldig", "1", Err(("gyldig", "schema")));
    check("baater.1023.navn", "A", Ok(()));
    check("baater.1024.navn", "A", Err(("column 3", "schema")));
    check("14858834016", "A", Err(("column 3", "schema")));
    check("14858834016", "", Err(("column 3", "schema")));
    check("nummer", "8", Err(("column 3", "schema")));
    check("baater", "A", Err(("baater", "schema")));
    check("fri", "{}", Err(("fri", "schema")));
    check(&["baater"; 40].join("."), "A", Err(("column 3", "schema")));
    let number = seventh().csv_row(&["fnr", "nummer"], &["14858834016", "7.0"]);
    assert_eq!(number.map(|_| ()), Err(RowError::new("nummer", "schema")));
    let short = seventh().csv_row(&["fnr", "nummer"], &["14858834016"]);
    assert_eq!(short.map(|_| ()), Err(RowError::new("", "schema")));
}
