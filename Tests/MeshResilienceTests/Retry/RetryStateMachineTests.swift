// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct RetryStateMachineTests {
    private let now = MeshInstant(nanoseconds: 1_000_000_000)
    private let random = MeshRandom(seed: 1)

    private func action(
        _ policy: RetryPolicy,
        _ failure: RetryStateMachine.Failure,
        isIdempotent: Bool = true,
        isReplayable: Bool = true,
        deadline: Deadline = .never
    ) -> RetryStateMachine.Action {
        var machine = RetryStateMachine(policy, startedAt: now)
        return machine.attemptEnded(
            failure,
            isIdempotent: isIdempotent,
            isReplayable: isReplayable,
            deadline: deadline,
            at: now,
            random: random.next()
        )
    }

    private func isRetried(_ action: RetryStateMachine.Action) -> Bool {
        if case .retry = action { true } else { false }
    }

    typealias Failure = RetryStateMachine.Failure

    static let conditions: [(RetryConditions, [Failure], [Failure])] = [
        (
            .serverError,
            [
                .response(status: 500, grpcStatus: nil), .response(status: 599, grpcStatus: nil),
                .error(.connectionFailed, .notSent), .error(.connectionClosed, .maybeSent),
                .error(.attemptTimeout, .maybeSent),
            ],
            [
                .response(status: 499, grpcStatus: nil), .response(status: 200, grpcStatus: 14),
                .error(.overflow, .notSent), .error(.cancelled, .notSent), .error(.deadlineExceeded, .maybeSent),
                .error(.circuitOpen, .notSent), .error(.noRoute, .notSent), .error(.rateLimited, .notSent),
            ]
        ),
        (
            .gatewayError,
            [
                .response(status: 502, grpcStatus: nil), .response(status: 503, grpcStatus: nil),
                .response(status: 504, grpcStatus: nil), .error(.connectionClosed, .maybeSent),
            ],
            [.response(status: 500, grpcStatus: nil), .response(status: 505, grpcStatus: nil)]
        ),
        (
            .reset, [.error(.connectionFailed, .notSent), .error(.connectionClosed, .maybeSent)],
            [.response(status: 503, grpcStatus: nil)]
        ),
        (
            .resetBeforeRequest, [.error(.connectionFailed, .notSent), .error(.connectionClosed, .notSent)],
            [.error(.connectionClosed, .maybeSent), .error(.attemptTimeout, .maybeSent)]
        ),
        (.connectFailure, [.error(.connectionFailed, .notSent)], [.error(.connectionClosed, .notSent)]),
        (
            .retriableClientError, [.response(status: 409, grpcStatus: nil)],
            [.response(status: 408, grpcStatus: nil)]
        ),
        (
            .retriableStatusCodes, [.response(status: 418, grpcStatus: nil)],
            [.response(status: 417, grpcStatus: nil), .response(status: 503, grpcStatus: nil)]
        ),
        (
            [.grpcUnavailable, .grpcCancelled],
            [.response(status: 200, grpcStatus: 14), .response(status: 200, grpcStatus: 1)],
            [.response(status: 200, grpcStatus: 13), .response(status: 200, grpcStatus: 99)]
        ),
        (.grpcInternal, [.response(status: 200, grpcStatus: 13)], [.response(status: 200, grpcStatus: 4)]),
        (.grpcDeadlineExceeded, [.response(status: 200, grpcStatus: 4)], [.response(status: 200, grpcStatus: 8)]),
        (.grpcResourceExhausted, [.response(status: 200, grpcStatus: 8)], [.response(status: 200, grpcStatus: 1)]),
        ([], [], [.response(status: 503, grpcStatus: 14), .error(.connectionFailed, .notSent)]),
    ]

    @Test(arguments: conditions)
    func `a condition names its failures and no others`(
        conditions: RetryConditions,
        retried: [Failure],
        passed: [Failure]
    ) {
        let policy = RetryPolicy(conditions: conditions, retriableStatusCodes: [418])
        for failure in retried { #expect(isRetried(action(policy, failure)), "\(failure)") }
        for failure in passed { #expect(action(policy, failure) == .stop(.notRetriable), "\(failure)") }
    }

    @Test func `a request that may have been executed is sent again only if that does no harm`() {
        let policy = RetryPolicy(conditions: [.serverError, .connectFailure])
        let closed = Failure.error(.connectionClosed, .maybeSent)
        #expect(action(policy, closed, isIdempotent: false) == .stop(.replayCouldHarm))
        #expect(
            action(policy, .response(status: 503, grpcStatus: nil), isIdempotent: false) == .stop(.replayCouldHarm)
        )
        #expect(isRetried(action(policy, .error(.connectionFailed, .notSent), isIdempotent: false)))
        let daring = RetryPolicy(conditions: .serverError, replay: .always)
        #expect(isRetried(action(daring, closed, isIdempotent: false)))
        #expect(action(daring, closed, isReplayable: false) == .stop(.replayCouldHarm))
    }

    @Test func `the attempts run out`() {
        var machine = RetryStateMachine(RetryPolicy(maximumAttempts: 3, conditions: .serverError), startedAt: now)
        let actions = (0..<3).map { _ in
            machine.attemptEnded(
                .response(status: 500, grpcStatus: nil),
                isIdempotent: true,
                isReplayable: true,
                deadline: .never,
                at: now,
                random: random.next()
            )
        }
        #expect(actions.map(isRetried) == [true, true, false])
        #expect(actions[2] == .stop(.attemptsExhausted))
        #expect(
            action(RetryPolicy(maximumAttempts: 1, conditions: .serverError), .response(status: 500, grpcStatus: nil))
                == .stop(.attemptsExhausted)
        )
    }

    @Test func `no attempt follows that the deadline would cut off before it begins`() {
        let policy = RetryPolicy(conditions: .serverError, backoff: Backoff(base: .seconds(1)))
        let failure = Failure.response(status: 500, grpcStatus: nil)
        #expect(action(policy, failure, deadline: Deadline(now)) == .stop(.deadlineTooClose))
        #expect(isRetried(action(policy, failure, deadline: Deadline(.seconds(2), after: now))))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `in a random walk there are never more attempts than allowed, nor waits above the bound`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let failures: [Failure] = [
            .response(status: 503, grpcStatus: nil), .error(.connectionFailed, .notSent),
            .error(.connectionClosed, .maybeSent), .response(status: 200, grpcStatus: 14),
        ]
        for _ in 0..<10_000 {
            let maximum = Int(random.below(6)) + 1
            let policy = RetryPolicy(
                maximumAttempts: maximum,
                conditions: [.serverError, .grpcUnavailable],
                backoff: Backoff(base: Nanoseconds(rawValue: random.next()), maximum: .milliseconds(250))
            )
            let isIdempotent = random.below(2) == 0
            let deadline = Deadline(Nanoseconds(rawValue: random.below(500_000_000)), after: now)
            var machine = RetryStateMachine(policy, startedAt: now)
            var (attempts, time) = (1, now)
            while true {
                let failure = failures[Int(random.below(4))]
                let action = machine.attemptEnded(
                    failure,
                    isIdempotent: isIdempotent,
                    isReplayable: true,
                    deadline: deadline,
                    at: time,
                    random: random.next()
                )
                guard case .retry(let wait) = action else { break }
                #expect(wait < .milliseconds(250))
                time = time.advanced(by: wait)
                #expect(!deadline.hasPassed(at: time))
                if !isIdempotent, case .error(.connectionFailed, .notSent) = failure {} else { #expect(isIdempotent) }
                attempts += 1
            }
            #expect(attempts <= maximum)
        }
    }
}
