//! Days and times, which a workbook keeps as numbers that a format shows as dates.

/// Whether a number format shows a date or a time: it has letters for one outside of quotes and brackets.
pub(super) fn is_date(format: &str) -> bool {
    let mut chars = format.chars();
    let mut found = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            '[' => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                // [h] counts hours beyond a day; [Red] and [$-409] are colours and places.
                found |= matches!(
                    inside.to_lowercase().as_str(),
                    "h" | "hh" | "m" | "mm" | "s" | "ss"
                );
            }
            '\\' | '_' | '*' => {
                chars.next();
            }
            'd' | 'm' | 'y' | 'h' | 's' | 'D' | 'M' | 'Y' | 'H' | 'S' => found = true,
            // General, and other words.
            'G' | 'g' => return found,
            _ => {}
        }
    }
    found
}

/// A day number of Excel as ISO 8601, with the time where there is one.
pub(super) fn date(serial: f64, from_1904: bool) -> String {
    let days = serial.floor();
    if !(0.0..3e6).contains(&days) {
        return serial.to_string();
    }
    let seconds = ((serial - days) * 86_400.0).round() as i64;
    // Excel has a 29 February 1900, so that its days are off by one before March.
    let epoch = if from_1904 {
        -24_107
    } else if days < 60.0 {
        -25_568
    } else {
        -25_569
    };
    let day = days as i64 + epoch + seconds / 86_400;
    let seconds = seconds % 86_400;
    let (year, month, day) = civil(day);
    let time = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match (days == 0.0 && !from_1904, seconds) {
        (true, _) => time,
        (_, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {time}"),
    }
}

/// The date so many days after 1 January 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(1.0, false), "1900-01-01");
        assert_eq!(date(61.0, false), "1900-03-01");
        assert_eq!(date(45_351.0, false), "2024-02-29");
        assert_eq!(date(45_351.75, false), "2024-02-29 18:00:00");
        assert_eq!(date(43_889.0, true), "2024-02-29");
        assert_eq!(date(0.5, false), "12:00:00");
        assert_eq!(date(1e9, false), "1000000000");
    }

    #[test]
    fn formats_of_dates_are_known_by_their_letters() {
        for code in [
            "yyyy-mm-dd",
            "d. mmm",
            "[$-409]h:mm AM/PM",
            "[h]:mm",
            "mm:ss.0",
        ] {
            assert!(is_date(code), "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0 \"days\"",
            "[Red]0",
            "0.0_d",
            "@",
            "\\d0",
        ] {
            assert!(!is_date(code), "{code}");
        }
    }
}
