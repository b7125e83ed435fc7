// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

//! Tower's policies around a service in memory, for the micro benchmarks to compare with.
//!
//! It reads lines of `VARIANT ITERATIONS` and answers each with the CPU nanoseconds and heap allocations of one call,
//! so that its samples lie between those of the Swift stacks. `list` names the variants; the end of input ends it.
//! It is built without a network from Debian's librust-tower-dev and librust-tokio-dev; see `build.sh`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::{ready, Future, Ready};
use std::hint::black_box;
use std::io::{stdin, stdout, BufRead, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::limit::rate::Rate;
use tower::limit::{ConcurrencyLimit, RateLimit};
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::retry::{Policy, Retry};
use tower::timeout::Timeout;
use tower::{Service, ServiceExt};

/// The system's allocator, with a count of what was asked of it.
struct CountingAllocator;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout)
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        System.realloc(pointer, layout, size)
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut TimeSpec) -> i32;
}

/// CPU time of the whole process: that of the second thread counts.
fn process_nanoseconds() -> f64 {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut time = TimeSpec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the pointer is valid, and Linux has the clock.
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.seconds as f64 * 1e9 + time.nanoseconds as f64
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct Call {
    path: &'static str,
}

struct Answer {
    status: u16,
}

/// Answers at once, or after giving way once as a transport does.
#[derive(Clone)]
struct Leaf {
    suspends: bool,
}

struct LeafFuture {
    suspends: bool,
}

impl Future for LeafFuture {
    type Output = Result<Answer, BoxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.suspends {
            self.suspends = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(Answer { status: 200 }))
    }
}

impl Service<Call> for Leaf {
    type Response = Answer;
    type Error = BoxError;
    type Future = LeafFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn call(&mut self, call: Call) -> LeafFuture {
        black_box(call.path);
        LeafFuture { suspends: self.suspends }
    }
}

/// Three further attempts after a 5xx or an error.
#[derive(Clone)]
struct Attempts(u32);

impl Policy<Call, Answer, BoxError> for Attempts {
    type Future = Ready<Self>;

    fn retry(&self, _: &Call, result: Result<&Answer, &BoxError>) -> Option<Self::Future> {
        let failed = result.map_or(true, |answer| answer.status >= 500);
        (failed && self.0 > 0).then(|| ready(Attempts(self.0 - 1)))
    }

    fn clone_request(&self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

const TIMEOUT: Duration = Duration::from_secs(30);
const PLACES: usize = 1 << 20;

fn rate() -> Rate {
    Rate::new(u64::MAX >> 1, Duration::from_secs(1))
}

fn balance(suspends: bool) -> Balance<ServiceList<Vec<PendingRequests<Leaf>>>, Call> {
    let endpoints = (0..16).map(|_| PendingRequests::new(Leaf { suspends }, CompleteOnResponse::default()));
    Balance::new(ServiceList::new(endpoints.collect::<Vec<_>>()))
}

/// Rate limit, concurrency limit, timeout, power of two choices: what only one owner can call.
fn owned(
    suspends: bool,
) -> impl Service<Call, Response = Answer, Error = BoxError, Future = impl Future<Output = Result<Answer, BoxError>> + Send> + Send
{
    RateLimit::new(ConcurrencyLimit::new(Timeout::new(balance(suspends), TIMEOUT), PLACES), rate())
}

async fn drive<S>(service: &mut S, calls: u64)
where
    S: Service<Call, Response = Answer>,
    S::Error: std::fmt::Debug,
{
    for _ in 0..calls {
        let ready = service.ready().await.expect("the service is always ready");
        let answer = ready.call(Call { path: "/v1/orders" }).await.expect("the leaf never fails");
        black_box(answer.status);
    }
}

/// A service that two tasks on two threads call.
async fn drive_in_parallel(calls: u64, suspends: bool) {
    let service = Retry::new(Attempts(3), Buffer::new(owned(suspends), 1024));
    let tasks = (0..2).map(|_| {
        let mut service = service.clone();
        tokio::spawn(async move { drive(&mut service, calls / 2).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task does not panic");
    }
}

struct Runtimes {
    one: Runtime,
    two: Runtime,
}

const VARIANTS: [&str; 10] = [
    "leaf", "timeout", "retry", "rate-limit", "concurrency-limit", "balance", "one-owner", "shareable", "shareable-2", "clonable",
];

impl Runtimes {
    /// Runs a variant; `false` if there is none of that name. `suspending/` before it makes the leaf suspend.
    fn run(&self, name: &str, calls: u64) -> bool {
        let (suspends, variant) = match name.strip_prefix("suspending/") {
            Some(variant) => (true, variant),
            None => (false, name),
        };
        let leaf = Leaf { suspends };
        match variant {
            "leaf" => self.on_one(|| leaf, calls),
            "timeout" => self.on_one(|| Timeout::new(leaf, TIMEOUT), calls),
            "retry" => self.on_one(|| Retry::new(Attempts(3), leaf), calls),
            "rate-limit" => self.on_one(|| RateLimit::new(leaf, rate()), calls),
            "concurrency-limit" => self.on_one(|| ConcurrencyLimit::new(leaf, PLACES), calls),
            "balance" => self.on_one(|| balance(suspends), calls),
            "one-owner" => self.on_one(|| owned(suspends), calls),
            "shareable" => self.one.block_on(async {
                drive(&mut Retry::new(Attempts(3), Buffer::new(owned(suspends), 1024)), calls).await
            }),
            "shareable-2" => self.two.block_on(drive_in_parallel(calls, suspends)),
            "clonable" => {
                let inner = || Timeout::new(ConcurrencyLimit::new(leaf, PLACES), TIMEOUT);
                self.on_one(|| Retry::new(Attempts(3), inner()), calls)
            }
            _ => return false,
        }
        true
    }

    fn on_one<S>(&self, make: impl FnOnce() -> S, calls: u64)
    where
        S: Service<Call, Response = Answer>,
        S::Error: std::fmt::Debug,
    {
        // Tokio's timers and semaphores want to be made inside their runtime.
        self.one.block_on(async { drive(&mut make(), calls).await })
    }
}

fn main() -> std::io::Result<()> {
    let runtimes = Runtimes {
        one: Builder::new_current_thread().enable_time().build()?,
        two: Builder::new_multi_thread().worker_threads(2).enable_time().build()?,
    };
    for line in stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or("");
        let answer = if name == "list" {
            VARIANTS.join(" ")
        } else {
            let calls: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(0).max(1);
            let (time, allocations) = (process_nanoseconds(), ALLOCATIONS.load(Relaxed));
            if runtimes.run(name, calls) {
                let spent = (process_nanoseconds() - time) / calls as f64;
                let allocated = (ALLOCATIONS.load(Relaxed) - allocations) as f64 / calls as f64;
                format!("{spent} {allocated}")
            } else {
                format!("unknown {name}")
            }
        };
        writeln!(stdout(), "{answer}")?;
        stdout().flush()?;
    }
    Ok(())
}
