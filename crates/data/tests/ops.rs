//! What one does to a dataset.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tunesmith_data::{
    ClassLabel, DataError, Dataset, DatasetDict, Dtype, Feature, Format, InterleaveOptions,
    MapOptions, NewColumn, Value, concatenate_datasets, interleave_datasets,
};

fn people() -> Dataset {
    let csv = "name,age,kind\nAda,36,math\nBob,7,child\nCy,,math\nDee,70,\n";
    Dataset::from_bytes("people.csv", Format::Csv, csv.into()).unwrap()
}

fn names(dataset: &Dataset) -> Vec<String> {
    let column = dataset.column("name").unwrap();
    column
        .iter()
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

fn message<T>(result: Result<T, DataError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn select_filter_and_take_keep_order() {
    let people = people();
    let chosen = people.select(&[3, 0, 0]).unwrap();
    assert_eq!(names(&chosen), ["Dee", "Ada", "Ada"]);
    assert_eq!(names(&chosen.select(&[1, 0]).unwrap()), ["Ada", "Dee"]);
    let old = people.filter(|row| row.get("age").and_then(|age| age.as_f64()) > Some(30.0));
    assert_eq!(names(&old), ["Ada", "Dee"]);
    assert_eq!(names(&people.take(2)), ["Ada", "Bob"]);
    assert_eq!(people.take(9).num_rows(), 4);
    assert_eq!(
        message(people.select(&[4])),
        "row 4 does not exist: there are 4 rows, counted from 0"
    );
    assert!(message(people.row(4)).contains("row 4 does not exist"));
    assert_eq!(
        people.row(2).unwrap().to_string(),
        r#"{"name": "Cy", "age": null, "kind": "math"}"#
    );
}

#[test]
fn columns_are_removed_chosen_and_renamed() {
    let people = people();
    assert_eq!(
        people.remove_columns(&["age"]).unwrap().column_names(),
        ["name", "kind"]
    );
    assert_eq!(
        people
            .select_columns(&["kind", "name"])
            .unwrap()
            .column_names(),
        ["kind", "name"]
    );
    let renamed = people.rename_column("kind", "label").unwrap();
    assert_eq!(renamed.column_names(), ["name", "age", "label"]);
    assert_eq!(
        renamed.row(0).unwrap().get("label"),
        Some(Value::Str("math"))
    );
    assert!(message(people.rename_column("kind", "age")).contains("already a column \"age\""));
    let wrong = message(people.remove_columns(&["nmae"]));
    assert_eq!(
        wrong,
        "there is no column \"nmae\"; the columns are name, age, kind. Did you mean \"name\"?"
    );
}

#[test]
fn columns_are_cast() {
    let people = people();
    let age = Feature::Value(Dtype::Int32);
    let cast = people.cast_column("age", age.clone()).unwrap();
    assert_eq!(cast.features().get("age"), Some(&age));
    assert_eq!(cast.row(0).unwrap().get("age"), Some(Value::Int(36)));
    assert!(cast.row(2).unwrap().get("age").unwrap().is_null());
    let text = cast
        .cast_column("age", Feature::Value(Dtype::String))
        .unwrap();
    assert_eq!(text.row(1).unwrap().get("age"), Some(Value::Str("7")));
    let back = text.cast_column("age", age).unwrap();
    assert_eq!(back.row(1).unwrap().get("age"), Some(Value::Int(7)));
    let wrong = message(people.cast_column("name", Feature::Value(Dtype::Int8)));
    assert!(
        wrong.starts_with("row 0, column \"name\": \"Ada\", but int8 is needed"),
        "{wrong}"
    );
    let kinds = Feature::ClassLabel(ClassLabel::new(["math"]));
    let wrong = message(people.cast_column("kind", kinds));
    assert_eq!(
        wrong,
        "row 1, column \"kind\": \"child\", but the classes are math"
    );
}

#[test]
fn strings_become_sorted_classes() {
    let encoded = people().class_encode_column("kind").unwrap();
    assert_eq!(
        encoded.features().get("kind").unwrap().to_string(),
        "ClassLabel(names=['child', 'math'])"
    );
    let kinds: Vec<_> = encoded.column("kind").unwrap().iter().collect();
    assert_eq!(
        kinds,
        [Value::Int(1), Value::Int(0), Value::Int(1), Value::Null]
    );
    // Back to words, and to classes in another order.
    let words = encoded
        .cast_column("kind", Feature::Value(Dtype::String))
        .unwrap();
    assert_eq!(words.row(0).unwrap().get("kind"), Some(Value::Str("math")));
    let other = Feature::ClassLabel(ClassLabel::new(["math", "child"]));
    let other = encoded.cast_column("kind", other).unwrap();
    assert_eq!(other.row(0).unwrap().get("kind"), Some(Value::Int(0)));
}

#[test]
fn numbers_are_names_to_encode_and_classes_to_cast() {
    let stars = Dataset::from_bytes("s.csv", Format::Csv, "stars\n5\n1\n5\n".into()).unwrap();
    let encoded = stars.class_encode_column("stars").unwrap();
    assert_eq!(
        encoded.features().to_string(),
        "{'stars': ClassLabel(names=['1', '5'])}"
    );
    let ids: Vec<_> = encoded.column("stars").unwrap().iter().collect();
    assert_eq!(ids, [Value::Int(1), Value::Int(0), Value::Int(1)]);
    assert_eq!(
        encoded.class_encode_column("stars").unwrap().features(),
        encoded.features()
    );
    let names = Feature::ClassLabel(ClassLabel::new(["5", "1", "a", "b", "c", "d"]));
    let cast = stars.cast_column("stars", names).unwrap();
    assert_eq!(cast.row(0).unwrap().get("stars"), Some(Value::Int(5)));
}

#[test]
fn classes_are_the_same_in_all_splits() {
    let split = |csv: &str| Dataset::from_bytes("s.csv", Format::Csv, csv.into()).unwrap();
    let mut datasets = DatasetDict::new();
    datasets.insert("train", split("t,label\na,yes\nb,maybe\n"));
    datasets.insert("test", split("t,label\na,yes\nb,no\n"));
    datasets.insert("unlabelled", split("t\nc\n"));
    let datasets = datasets.class_encode_column("label").unwrap();
    let labels = |name: &str| -> Vec<Option<i64>> {
        let column = datasets.get(name).unwrap().column("label").unwrap();
        column.iter().map(|value| value.as_i64()).collect()
    };
    assert_eq!(labels("train"), [Some(2), Some(0)]);
    assert_eq!(labels("test"), [Some(2), Some(1)]);
    assert!(message(datasets.class_encode_column("lable")).contains("Did you mean \"label\"?"));
    assert_eq!(
        message(datasets.get("tset")),
        "there is no split \"tset\"; the splits are train, test, unlabelled. Did you mean \"test\"?"
    );
}

fn numbers(count: usize) -> Dataset {
    let csv: String = (0..count).fold("n\n".to_owned(), |csv, i| format!("{csv}{i}\n"));
    Dataset::from_bytes("n.csv", Format::Csv, csv.into_bytes()).unwrap()
}

#[test]
fn map_uses_all_cores_and_keeps_the_order() {
    let options = MapOptions {
        batch_size: 7,
        ..MapOptions::default()
    };
    let mut seen = Vec::new();
    let mapped = numbers(1000)
        .map(
            &options,
            &mut |done, total| seen.push((done, total)),
            |batch| {
                assert!(batch.num_rows() <= 7);
                let squares: Vec<i64> = batch
                    .column("n")?
                    .iter()
                    .map(|n| n.as_i64().unwrap().pow(2))
                    .collect();
                let texts: Vec<String> = squares.iter().map(i64::to_string).collect();
                Ok(vec![
                    ("n".to_owned(), squares.into()),
                    ("text".to_owned(), texts.into()),
                ])
            },
        )
        .unwrap();
    assert_eq!(
        mapped.features().to_string(),
        "{'n': Value('int64'), 'text': Value('string')}"
    );
    for (i, row) in mapped.rows().enumerate() {
        assert_eq!(row.get("n"), Some(Value::Int((i * i) as i64)));
        assert_eq!(row.get("text"), Some(Value::Str(&(i * i).to_string())));
    }
    assert_eq!(seen.first(), Some(&(0, 1000)));
    assert_eq!(seen.last(), Some(&(1000, 1000)));
    assert!(seen.is_sorted());
}

#[test]
fn map_works_on_no_more_batches_at_once_than_it_is_told() {
    for num_proc in [1, 2, 0, usize::MAX] {
        let options = MapOptions {
            batch_size: 3,
            num_proc: Some(num_proc),
            ..MapOptions::default()
        };
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let count = |batch: &Dataset| {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            let lists: Vec<Vec<i32>> = batch
                .rows()
                .map(|row| vec![1; row.get("n").unwrap().as_i64().unwrap() as usize % 4])
                .collect();
            running.fetch_sub(1, SeqCst);
            Ok(vec![("ones".to_owned(), lists.into())])
        };
        let mut last = None;
        let mapped = numbers(100)
            .map(&options, &mut |done, _| last = Some(done), count)
            .unwrap();
        assert!(most.into_inner() <= num_proc.max(1), "{num_proc}");
        assert_eq!(last, Some(100));
        assert_eq!(
            mapped.features().to_string(),
            "{'n': Value('int64'), 'ones': List(Value('int32'))}"
        );
        assert_eq!(
            mapped.row(7).unwrap().to_string(),
            r#"{"n": 7, "ones": [1, 1, 1]}"#
        );
    }
}

#[test]
fn splits_are_mapped_renamed_and_cut_together() {
    let mut splits = DatasetDict::new();
    splits.insert("train", numbers(5));
    splits.insert("test", numbers(2));
    let mut seen = Vec::new();
    let double = |batch: &Dataset| {
        let doubled = batch.column("n")?.iter().map(|n| n.as_i64().unwrap() * 2);
        Ok(vec![("m".to_owned(), doubled.collect::<Vec<_>>().into())])
    };
    let mapped = splits
        .map(
            &MapOptions::default(),
            &mut |split, done, total| seen.push((split.to_owned(), done, total)),
            double,
        )
        .unwrap();
    assert_eq!(seen.last(), Some(&("test".to_owned(), 2, 2)));
    let renamed = mapped.rename_column("m", "twice").unwrap();
    let cut = renamed.remove_columns(&["n"]).unwrap();
    assert_eq!(
        cut.get("test").unwrap().row(1).unwrap().to_string(),
        r#"{"twice": 2}"#
    );
    let names: Vec<_> = cut.column_names().into_iter().collect();
    assert_eq!(names, [("train", vec!["twice"]), ("test", vec!["twice"])]);
    let wrong = message(cut.remove_columns(&["m"]));
    assert!(wrong.contains("there is no column \"m\""), "{wrong}");
}

#[test]
fn map_may_change_the_number_of_rows() {
    let options = MapOptions {
        batch_size: 10,
        remove_columns: vec!["n".to_owned()],
        ..MapOptions::default()
    };
    let doubled = |batch: &Dataset| {
        let ns: Vec<i64> = batch
            .column("n")?
            .iter()
            .flat_map(|n| [n.as_i64().unwrap(); 2])
            .collect();
        Ok(vec![("m".to_owned(), NewColumn::from(ns))])
    };
    let mapped = numbers(25).map(&options, &mut |_, _| {}, doubled).unwrap();
    assert_eq!((mapped.num_rows(), mapped.column_names()), (50, vec!["m"]));
    assert_eq!(mapped.row(49).unwrap().get("m"), Some(Value::Int(24)));
    let kept = MapOptions::default();
    let wrong = message(numbers(25).map(&kept, &mut |_, _| {}, doubled));
    assert!(
        wrong.contains("column \"n\" has 25 rows and column \"m\" has 50"),
        "{wrong}"
    );
}

#[test]
fn maps_first_error_in_row_order_is_told() {
    let options = MapOptions {
        batch_size: 1,
        ..MapOptions::default()
    };
    let failing = |batch: &Dataset| match batch.row(0)?.get("n").and_then(|n| n.as_i64()) {
        Some(n) if n >= 3 => Err(DataError::Argument(format!("refused {n}"))),
        _ => Ok(Vec::new()),
    };
    assert_eq!(
        message(numbers(40).map(&options, &mut |_, _| {}, failing)),
        "refused 3"
    );
    let changing = |batch: &Dataset| match batch.row(0)?.get("n") {
        Some(Value::Int(0)) => Ok(vec![("x".to_owned(), vec![0i64].into())]),
        _ => Ok(vec![("x".to_owned(), vec!["a".to_owned()].into())]),
    };
    let wrong = message(numbers(4).map(&options, &mut |_, _| {}, changing));
    assert!(wrong.contains("return the same for every batch"), "{wrong}");
}

#[test]
fn splits_that_make_no_sense_are_refused() {
    let ten = numbers(10);
    assert_eq!(
        ten.train_test_split(0.25, 0)
            .unwrap()
            .get("test")
            .unwrap()
            .num_rows(),
        3
    );
    for wrong in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(message(ten.train_test_split(wrong, 0)).contains("between 0 and 1"));
    }
    assert!(message(ten.train_test_split(10, 0)).contains("between 1 and 9"));
    assert!(message(numbers(1).train_test_split(0.5, 0)).contains("no rows to train on"));
}

#[test]
fn a_split_by_classes_says_what_it_cannot_keep() {
    let rows = |text: &str| Dataset::from_bytes("rows.csv", Format::Csv, text.into()).unwrap();
    let alone = rows("text,label\na,x\nb,x\nc,y\n");
    let error = alone.stratified_split(0.5, 0, "label").err().unwrap();
    assert!(
        error.to_string().contains("the class y has 1 row"),
        "{error}"
    );
    let few = rows("text,label\na,x\nb,x\nc,y\nd,y\n");
    let error = few.stratified_split(0.2, 0, "label").err().unwrap();
    assert!(error.to_string().contains("into 3 and 1 rows"), "{error}");
    let missing = rows("text,label\na,x\nb,\nc,x\n");
    let error = missing.stratified_split(0.5, 0, "label").err().unwrap();
    assert!(error.to_string().contains("a class is needed"), "{error}");
}

#[test]
fn the_first_row_of_each_text_is_kept() {
    let text = "a,b,n\nx,y,1\nx,z,2\nx,y,3\n,y,4\n,y,5\n";
    let rows = Dataset::from_bytes("rows.csv", Format::Csv, text.into()).unwrap();
    let numbers = |rows: &Dataset| -> Vec<i64> {
        let column = rows.column("n").unwrap();
        column.iter().filter_map(|value| value.as_i64()).collect()
    };
    let (pairs, gone) = rows.drop_duplicates(&["a", "b"]).unwrap();
    assert_eq!((numbers(&pairs), gone), (vec![1, 2, 4], 2));
    let (firsts, gone) = rows.drop_duplicates(&["a"]).unwrap();
    assert_eq!((numbers(&firsts), gone), (vec![1, 4], 3));
}

#[test]
fn datasets_are_put_together_whatever_order_they_are_in() {
    let rows = |text: &str| Dataset::from_bytes("rows.csv", Format::Csv, text.into()).unwrap();
    let first = rows("a,n\nx,1\ny,2\nz,3\n");
    let other = rows("n,a\n4,u\n5,v\n").select(&[1, 0]).unwrap();
    let whole = concatenate_datasets(&[first.select(&[2, 0]).unwrap(), first.clone(), other]);
    let whole = whole.unwrap();
    let column = |name: &str| -> Vec<String> {
        let column = whole.column(name).unwrap();
        column.iter().map(|value| value.to_string()).collect()
    };
    assert_eq!(column("n"), ["3", "1", "1", "2", "3", "5", "4"]);
    assert_eq!(column("a").concat(), r#""z""x""x""y""z""v""u""#);
    let error = concatenate_datasets(&[first.clone(), rows("a,m\nx,1\n")])
        .err()
        .unwrap();
    assert!(error.to_string().contains("\"n\""), "{error}");
    let error = concatenate_datasets(&[first.clone(), rows("a,n\nx,y\n")])
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("must have the same columns"),
        "{error}"
    );
    assert!(concatenate_datasets(&[]).is_err());
    let wrong = InterleaveOptions {
        probabilities: Some(vec![0.5, 0.6]),
        ..InterleaveOptions::default()
    };
    let error = interleave_datasets(&[first.clone(), first], &wrong)
        .err()
        .unwrap();
    assert!(error.to_string().contains("together are 1"), "{error}");
}
