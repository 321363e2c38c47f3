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
    let (year, month, day) = tunesmith_platform::date(day);
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
