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

    @Test func `extreme clocks and deadlines neither trap nor grant what never comes`() {
        let ends = [0, 1, .max - 1, .max] as [UInt64]
        for start in ends {
            for instant in ends {
                for wait in [Nanoseconds.zero, .forever] {
                    let policy = RetryPolicy(conditions: .serverError, backoff: .constant(wait), totalTime: .forever)
                    var machine = RetryStateMachine(policy, startedAt: MeshInstant(nanoseconds: start))
                    let action = machine.attemptEnded(
                        .rejected,
                        pushback: .notBefore(wait),
                        isIdempotent: true,
                        isReplayable: true,
                        deadline: .never,
                        at: MeshInstant(nanoseconds: instant),
                        random: .max
                    )
                    let comes = wait == .zero && instant < .max
                    #expect(action == (comes ? .retry(after: .zero) : .stop(.deadlineTooClose)))
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `in a random walk no limit is passed, and every stop has its reason`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let failures: [Failure] = [
            .response(status: 503, grpcStatus: nil), .error(.connectionFailed, .notSent),
            .error(.connectionClosed, .maybeSent), .response(status: 200, grpcStatus: 14), .rejected,
            .response(status: 404, grpcStatus: nil),
        ]
        var steps = 0
        while steps < 100_000 {
            let policy = RetryPolicy(
                maximumAttempts: Int(random.below(6)) + 1,
                conditions: [.serverError, .connectFailure, .grpcUnavailable],
                backoff: Backoff(base: Nanoseconds(rawValue: random.next() | 1), maximum: .milliseconds(250)),
                totalTime: random.below(2) == 0 ? .milliseconds(random.below(900) + 1) : nil,
                attemptCeiling: random.below(2) == 0 ? Int(random.below(4)) + 1 : nil,
                budgetShare: random.below(2) == 0 ? random.unitInterval() : nil
            )
            let balance = random.below(8)
            let (isIdempotent, isAlreadyRetried) = (random.below(4) > 0, random.below(9) == 0)
            let deadline = Deadline(.milliseconds(random.below(2000)), after: now)
            var machine = RetryStateMachine(
                policy,
                startedAt: now,
                isAlreadyRetried: isAlreadyRetried,
                budgetBalance: Double(balance)
            )
            var (attempts, time) = (1, now)
            while true {
                steps += 1
                let failure = failures[Int(random.below(6))]
                let pushback =
                    [.none, .none, .stop, .exactly(.milliseconds(300)), .notBefore(.milliseconds(100))][
                        Int(random.below(5))
                    ] as RetryPushback
                let action = machine.attemptEnded(
                    failure,
                    pushback: pushback,
                    isIdempotent: isIdempotent,
                    isReplayable: true,
                    deadline: deadline,
                    at: time,
                    random: random.next()
                )
                guard case .retry(let wait) = action else {
                    switch action {
                    case .stop(.attemptsExhausted): #expect(attempts == policy.effectiveAttempts)
                    case .stop(.shareExhausted):
                        let share = (policy.budgetShare ?? .nan) * Double(balance)
                        #expect(attempts - 1 == Int(share.rounded(.up)))
                    case .stop(.pushedBack): #expect(pushback == .stop)
                    case .stop(.alreadyRetried): #expect(isAlreadyRetried && attempts == 1)
                    case .stop(.replayCouldHarm): #expect(!isIdempotent)
                    case .stop(.timeExhausted): #expect(policy.totalTime != nil)
                    default: break
                    }
                    break
                }
                switch pushback {
                case .none: #expect(wait < .milliseconds(250))
                case .exactly(let asked): #expect(wait == asked)
                case .notBefore(let asked): #expect(wait >= asked && wait < .milliseconds(150))
                case .stop: Issue.record("retried after a stop")
                }
                time = time.advanced(by: wait)
                attempts += 1
                #expect(!deadline.hasPassed(at: time))
                #expect(time.elapsed(since: now) < policy.totalTime ?? .forever)
                #expect(attempts <= policy.effectiveAttempts && !isAlreadyRetried)
                if !isIdempotent { #expect({ if case .error(_, .notSent) = failure { true } else { false } }()) }
            }
        }
    }
}
