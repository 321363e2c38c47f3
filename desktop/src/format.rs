//! Numbers and names as people read them; the page's `format.ts` writes the same.

/// `3,600`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `3,600 rows`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(number))
}

/// Bytes with a unit of 1000: `820 B`, `90.9 MB`, `1.3 GB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut number = number as f64;
    let mut unit = 0;
    while number >= 999.5 && unit < UNITS.len() - 1 {
        number /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && number < 100.0);
    format!("{number:.digits$} {}", UNITS[unit])
}

/// `22.7 million`.
pub(crate) fn parameters(number: u64) -> String {
    match number as f64 {
        small if small < 1e6 => count(number),
        middle if middle < 1e9 => format!("{:.1} million", middle / 1e6),
        large => format!("{:.2} billion", large / 1e9),
    }
}

/// `8 s`, `4 min 05 s`, `2 h 07 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let all = seconds.max(0.0).round() as u64;
    if all < 60 {
        return format!("{all} s");
    }
    if all < 3600 {
        return format!("{} min {:02} s", all / 60, all % 60);
    }
    let minutes = (seconds / 60.0).round() as u64;
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}

/// A share as per cent: `86.3 %`; `n/a` for what is no number.
pub(crate) fn percent(share: f64, digits: usize) -> String {
    if !share.is_finite() {
        return "n/a".to_owned();
    }
    format!("{:.digits$} %", 100.0 * share)
}

/// A loss, metric or rate with about four figures: `0.6188`, `5e-5`; `n/a` for what is no number.
pub(crate) fn figure(number: f64) -> String {
    if !number.is_finite() {
        return "n/a".to_owned();
    }
    let size = number.abs();
    if number == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-3 {
        let text = format!("{number:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    if size >= 1000.0 {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(size.round() as u64));
    }
    let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
    trimmed(&format!("{number:.decimals$}")).to_owned()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// A label as people write it: `not_equivalent` is `not equivalent`.
pub(crate) fn label_text(label: &str) -> String {
    label.replace('_', " ")
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\'])
        .find(|part| !part.is_empty())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_on_the_page() {
        assert_eq!(count(3600), "3,600");
        assert_eq!(count(12), "12");
        assert_eq!(plural(1, "row"), "1 row");
        assert_eq!(bytes(820), "820 B");
        assert_eq!(bytes(90_868_376), "90.9 MB");
        assert_eq!(bytes(1_300_000_000), "1.3 GB");
        assert_eq!(parameters(22_713_216), "22.7 million");
        assert_eq!(duration(8.2), "8 s");
        assert_eq!(duration(245.0), "4 min 05 s");
        assert_eq!(duration(7620.0), "2 h 07 min");
        assert_eq!(percent(0.8627, 1), "86.3 %");
        assert_eq!(figure(0.618_77), "0.6188");
        assert_eq!(figure(5e-5), "5e-5");
        assert_eq!(figure(1.0), "1");
        assert_eq!(figure(12.5), "12.5");
        assert_eq!(figure(f64::NAN), "n/a");
        assert_eq!(base_name("/runs/a/"), "a");
        assert_eq!(base_name(r"C:\runs\b"), "b");
    }
}
