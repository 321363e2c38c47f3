//! What the tests start as ranks. On machines at hand it shows whether MPI works there and how long an exchange
//! takes:
//!
//! ```sh
//! mpirun -n 2 ranks check
//! mpirun -n 2 ranks exchange 22700000 10
//! ```

#![allow(clippy::unwrap_used, reason = "a test, in a process of its own")]

use std::env;
use std::process::{self, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use tunesmith_collective::{Collective, CollectiveError, Threads, cut};
use tunesmith_mpi::Mpi;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mpi = match Mpi::from_environment() {
        Ok(mpi) => mpi,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let library = mpi.as_ref().map(|mpi| mpi.library().to_owned());
    let parts = env::var("PARTS").ok().and_then(|parts| parts.parse().ok());
    let ranks: Box<dyn Collective> = match (mpi, parts) {
        (Some(mpi), Some(parts)) => Box::new(mpi.with_parts_of(parts)),
        (Some(mpi), None) => Box::new(mpi),
        (None, _) => Box::new(Threads::group(1).remove(0)),
    };
    let (rank, size) = (ranks.rank(), ranks.size());
    let library = library.as_deref().unwrap_or("no MPI");
    println!(
        "process {}, rank {rank} of {size}: {library}",
        process::id()
    );
    let done = match words[..] {
        ["check"] => check(&*ranks),
        ["large", floats] => large(&*ranks, floats.parse().unwrap()),
        ["exchange", floats, times] => {
            exchange(&*ranks, floats.parse().unwrap(), times.parse().unwrap())
        }
        ["fail", how, place] => fail(ranks, how, place),
        _ => {
            eprintln!("error: see the source for what to say");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => {
            println!("rank {rank}: done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rank {rank} is told: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Numbers of many sizes, so that a sum in another order has other bits.
fn values(rank: usize, count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(rank as u64 + 1);
    let number = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (bits, size) = ((state >> 40) as i32, (state >> 33) % 24);
        (bits - (1 << 23)) as f32 / (1_u32 << size) as f32
    };
    (0..count).map(number).collect()
}

/// Cuts numbers into as many pieces as there are ranks.
fn pieces(values: &[f32], size: usize) -> Vec<Vec<f32>> {
    let mut rest = values;
    let mut next = |count| {
        let (piece, after) = rest.split_at(count);
        rest = after;
        piece.to_vec()
    };
    cut(values.len(), size).into_iter().map(&mut next).collect()
}

/// Does every operation, at awkward sizes, and gives all that came of it.
fn exercise(ranks: &dyn Collective) -> Result<Vec<Vec<u8>>, CollectiveError> {
    let (rank, size) = (ranks.rank(), ranks.size());
    let mut found = Vec::new();
    let bits = |values: &[f32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_bits().to_le_bytes())
            .collect()
    };
    for count in [0, 1, 1000, 70_001] {
        // Only rank 0's counts; the others have something of another length.
        let own = vec![rank as u8 + 7; count * (rank + 1)];
        found.push(ranks.broadcast(own)?.to_vec());
        let own = values(rank, if rank == 0 { count } else { 3 });
        found.push(bits(&ranks.broadcast_floats(own)?));
        let own = vec![rank as u8; count * rank];
        found.push(vec![count as u8]);
        found.extend(ranks.gather(own)?);
        ranks.barrier()?;
        // From each to each another amount, from some to some none.
        let to = |to: usize| values(rank * size + to, count * ((rank + 2 * to) % 3));
        for piece in ranks.all_to_all((0..size).map(to).collect())? {
            found.push(bits(&piece));
        }
        for piece in ranks.all_gather(values(rank, count * (rank % 3)))? {
            found.push(bits(&piece));
        }
        for piece in ranks.reduce(pieces(&values(rank, count), size))? {
            found.push(bits(&piece));
        }
    }
    Ok(found)
}

/// What processes have is what threads have, bit for bit.
fn check(ranks: &dyn Collective) -> Result<(), CollectiveError> {
    let size = ranks.size();
    let found = exercise(ranks)?;
    let threads: Vec<_> = Threads::group(size)
        .into_iter()
        .map(|rank| thread::spawn(move || exercise(&rank).unwrap()))
        .collect();
    let wanted: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(
        found == wanted[ranks.rank()],
        "processes and threads differ"
    );
    // These numbers tell one order from another.
    let add = |order: &mut dyn Iterator<Item = usize>| {
        let all = order.map(|rank| values(rank, 1000));
        let sum = all.reduce(|sum, more| sum.iter().zip(more).map(|(a, b)| a + b).collect());
        sum.unwrap()
    };
    let (forwards, backwards) = (add(&mut (0..size)), add(&mut (0..size).rev()));
    assert_eq!(forwards != backwards, size > 2);
    Ok(())
}

/// Pieces that are larger than what MPI's transports send at once.
fn large(ranks: &dyn Collective, floats: usize) -> Result<(), CollectiveError> {
    let (rank, size) = (ranks.rank(), ranks.size());
    let piece = |from: usize, to: usize| -> Vec<f32> {
        let first = (from * size + to) as f32;
        (0..floats).map(|i| first + (i % 8191) as f32).collect()
    };
    let all = ranks.all_to_all((0..size).map(|to| piece(rank, to)).collect())?;
    for (from, found) in all.into_iter().enumerate() {
        assert!(found == piece(from, rank), "from rank {from}");
    }
    for (from, found) in ranks.all_gather(piece(rank, 0))?.into_iter().enumerate() {
        assert!(*found == piece(from, 0), "from rank {from}");
    }
    Ok(())
}

/// Seconds of adding up so many numbers, the median of so many times.
fn exchange(ranks: &dyn Collective, floats: usize, times: usize) -> Result<(), CollectiveError> {
    let own = values(ranks.rank(), floats);
    let mut seconds = Vec::new();
    for _ in 0..times {
        let pieces = pieces(&own, ranks.size());
        ranks.barrier()?;
        let start = Instant::now();
        ranks.reduce(pieces)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    if let (0, Some(median)) = (ranks.rank(), seconds.get(times / 2)) {
        println!(
            "{floats} numbers among {} ranks: {median:.4} s",
            ranks.size()
        );
    }
    Ok(())
}

/// The last rank ends in this way, at this place of what all ranks do again and again.
fn fail(ranks: Box<dyn Collective>, how: &str, place: &str) -> Result<(), CollectiveError> {
    let (rank, size) = (ranks.rank(), ranks.size());
    let own = values(rank, 1_000_000);
    let end = |at: &str| {
        if at == place && rank == size - 1 {
            end(&*ranks, how);
        }
    };
    let leaves = |at: &str| how == "leave" && at == place && rank == size - 1;
    if place == "meanwhile" && rank == size - 1 {
        let how = how.to_owned();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            die(&how);
        });
    }
    end("start");
    for step in 0..if place == "end" { 3 } else { 1_000_000 } {
        if leaves("step") && step == 2 {
            drop(ranks);
            eprintln!("rank {rank} has left");
            // The others have time to say what they were told.
            thread::sleep(Duration::from_millis(500));
            process::exit(1);
        }
        ranks.broadcast(vec![1; 100])?;
        if step == 2 {
            end("step");
        }
        ranks.reduce(pieces(&own, size))?;
        // Most of the time they wait for each other, as in a training.
        if rank == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    end("end");
    Ok(())
}

/// Ends this rank by means of what it is connected to.
fn end(ranks: &dyn Collective, how: &str) {
    match how {
        "abort" => ranks.abort("the disk is full"),
        // The others broadcast or add up.
        "differ" => {
            ranks.gather(Vec::new()).unwrap_err();
        }
        "panic" => panic!("as wanted"),
        how => die(how),
    }
}

/// Ends this process without a word to anyone.
fn die(how: &str) {
    match how {
        "kill" => {
            let own = process::id().to_string();
            process::Command::new("kill")
                .args(["-9", &own])
                .status()
                .unwrap();
        }
        "exit" => process::exit(3),
        how => panic!("no way to end: {how}"),
    }
}
