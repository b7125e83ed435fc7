// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RetryPushbackTests {
    private let now = MeshInstant(nanoseconds: 1_000_000_000)
    /// Sun, 06 Nov 1994 08:49:37 GMT: RFC 9110's own example.
    private static let exampleDate: UInt64 = 784_111_777

    private func wait(
        _ value: String,
        _ format: RateLimitedBackoff.ResetHeader.Format,
        maximum: Nanoseconds = .seconds(300),
        at seconds: UInt64 = exampleDate - 10
    ) -> Nanoseconds? {
        RateLimitedBackoff(headers: [.init("x-reset", format)], maximum: maximum)
            .wait(in: InMemoryResponse(503, headers: ["x-reset": value]), wallClock: WallClock { .seconds(seconds) })
    }

    @Test(arguments: [
        ("0", Nanoseconds.zero), ("1", .seconds(1)), ("300", .seconds(300)), ("301", nil), ("-1", nil), ("+1", nil),
        ("", nil), ("1.5", nil), ("99999999999999999999", nil), ("18446744073709551615", nil), (" 1", nil),
    ])
    func `seconds are read exactly, and more than the maximum is passed over`(text: String, expected: Nanoseconds?) {
        #expect(wait(text, .seconds) == expected)
        #expect(wait(text, .secondsOrDate) == expected)
    }

    @Test(arguments: [
        ("784111777", Nanoseconds.seconds(10)), ("784111000", .zero), ("784112067", .seconds(300)),
        ("784112068", nil), ("soon", nil),
    ])
    func `a Unix time is the time until then`(text: String, expected: Nanoseconds?) {
        #expect(wait(text, .unixTimestamp) == expected)
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Nanoseconds.seconds(10)), ("Sun, 06 Nov 1994 08:49:20 GMT", .zero),
        ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("Sun Nov  6 08:49:37 1994", nil),
        ("Sun, 06 Nov 1994 08:49:37 CET", nil), ("Sun, 31 Nov 1994 08:49:37 GMT", nil),
        ("Sun, 06 Nov 1994 24:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:60:37 GMT", nil),
        ("Sun, 06 Nov 1969 08:49:37 GMT", nil), ("Sun, 06 nov 1994 08:49:37 GMT", nil),
        ("Sun, -6 Nov 1994 08:49:37 GMT", nil), ("Sun, 00 Nov 1994 08:49:37 GMT", nil),
        ("Fri, 31 Dec 9999 23:59:59 GMT", nil),
    ])
    func `an HTTP date is the time until then, in the one form that senders may write`(
        text: String,
        expected: Nanoseconds?
    ) {
        #expect(wait(text, .secondsOrDate) == expected)
        #expect(wait(text, .seconds) == nil)
    }

    @Test(
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Wed, 28 Feb 2100 23:59:59 GMT", 4_107_542_399), ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
        ] as [(String, UInt64)]
    )
    func `leap years and leap seconds count`(text: String, seconds: UInt64) {
        #expect(wait(text, .secondsOrDate, maximum: .forever, at: 0) == .seconds(seconds))
    }

    @Test func `the first field that can be read counts`() {
        let backoff = RateLimitedBackoff(headers: [.retryAfter, .init("x-ratelimit-reset", .seconds)])
        let clock = WallClock { .zero }
        let both = InMemoryResponse(429, headers: ["retry-after": "never", "x-ratelimit-reset": "7"])
        #expect(backoff.wait(in: both, wallClock: clock) == .seconds(7))
        #expect(backoff.wait(in: InMemoryResponse(429), wallClock: clock) == nil)
        // What a reset means differs from server to server: nobody reads it unless told how.
        #expect(RateLimitedBackoff().wait(in: both, wallClock: clock) == nil)
    }

    @Test(arguments: [
        ("50", RetryPushback.exactly(.milliseconds(50))), ("0", .exactly(.zero)), ("-1", .stop), ("", .stop),
        ("1.5", .stop), ("+5", .stop), ("2147483648", .stop), ("2147483647", .exactly(.milliseconds(2_147_483_647))),
    ])
    func `row 97: a negative pushback stops, and so does one that is no number`(text: String, expected: RetryPushback) {
        #expect(RetryPushback(grpc: text) == expected)
    }

    @Test func `row 97: a pushback sets the next wait, and the back-off begins again after it`() {
        let policy = RetryPolicy(
            maximumAttempts: 9,
            conditions: .grpcUnavailable,
            backoff: Backoff(base: .seconds(1), growth: .exponential(factor: 2), jitter: .none)
        )
        var machine = RetryStateMachine(policy, startedAt: now)
        let pushbacks: [RetryPushback] = [
            .none, .none, .exactly(.milliseconds(50)), .none, .notBefore(.seconds(4)), .none,
        ]
        let waits = pushbacks.map { pushback in
            machine.attemptEnded(
                .response(status: 200, grpcStatus: 14),
                pushback: pushback,
                isIdempotent: true,
                isReplayable: true,
                deadline: .never,
                at: now,
                random: 1 << 63
            )
        }
        #expect(
            waits == [
                .retry(after: .seconds(1)), .retry(after: .seconds(2)), .retry(after: .milliseconds(50)),
                .retry(after: .seconds(1)), .retry(after: .seconds(5)), .retry(after: .seconds(2)),
            ]
        )
    }

    /// Sends one request whose first answer carries a header.
    private func send(
        _ first: InMemoryResponse,
        _ policy: RetryPolicy
    ) async throws -> (attempts: Int, waits: [Nanoseconds], decisions: [PolicyDecision]) {
        let clock = SteppingClock()
        let observer = RecordingObserver()
        let network = InMemoryTransport([.respond(first), .status(200)], clock: clock)
        let contract = TransportContract(network)
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(
                try Retry(policy, budget: nil, wallClock: WallClock { .seconds(Self.exampleDate - 10) })
            ),
            clock: clock,
            random: MeshRandom(seed: 1),
            observers: ObserverSet([observer])
        )
        var context = CallContext(now: clock.now)
        _ = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(contract.violations.isEmpty)
        return (network.sent.count, clock.waits, observer.decisions)
    }

    private let policy = RetryPolicy(conditions: [.serverError, .grpcUnavailable], backoff: .none)

    @Test func `row 97: the pushback of an answer is obeyed to the millisecond`() async throws {
        let answer = InMemoryResponse(200, headers: ["grpc-status": "14", "grpc-retry-pushback-ms": "50"])
        let obeyed = try await send(answer, policy)
        #expect(obeyed.attempts == 2 && obeyed.waits == [.milliseconds(50)])
        #expect(obeyed.decisions.map(\.reason) == [.pushback])
        let stop = InMemoryResponse(200, headers: ["grpc-status": "14", "grpc-retry-pushback-ms": "-1"])
        let stopped = try await send(stop, policy)
        #expect(stopped.attempts == 1)
        #expect(stopped.decisions.map(\.action) == [.refused] && stopped.decisions.map(\.reason) == [.pushback])
        var deaf = policy
        deaf.honoursGRPCPushback = false
        #expect(try await send(stop, deaf).attempts == 2)
    }

    @Test(arguments: ["10", "Sun, 06 Nov 1994 08:49:37 GMT"])
    func `a Retry-After is obeyed, spread upwards by half`(value: String) async throws {
        let busy = InMemoryResponse(503, headers: ["retry-after": value])
        let (attempts, waits, _) = try await send(busy, policy)
        #expect(attempts == 2 && waits.count == 1)
        #expect(waits.allSatisfy { $0 >= .seconds(10) && $0 < .seconds(15) })
        var deaf = policy
        deaf.rateLimitedBackoff = nil
        #expect(try await send(busy, deaf).waits.isEmpty)
    }

    @Test func `a peer that sheds load is not asked again`() async throws {
        let overloaded = InMemoryResponse(503, headers: ["x-envoy-overloaded": "true"])
        #expect(try await send(overloaded, policy).attempts == 1)
    }

    @Test func `a rate limit is asked again only where the policy names it`() async throws {
        let limited = InMemoryResponse(429, headers: ["x-envoy-ratelimited": "true"])
        #expect(try await send(limited, policy).attempts == 1)
        var insistent = policy
        insistent.conditions.insert(.envoyRateLimited)
        #expect(try await send(limited, insistent).attempts == 2)
        insistent.conditions = .envoyRateLimited
        #expect(try await send(InMemoryResponse(429), insistent).attempts == 1)
    }
}
