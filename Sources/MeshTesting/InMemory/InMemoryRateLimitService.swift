// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
import Synchronization

/// A rate limit service in memory: it answers from a script, and remembers what it was asked.
public final class InMemoryRateLimitService: RateLimitService {
    /// What it was asked.
    public struct Question: Hashable, Sendable {
        /// Whose limits they are.
        public var domain: String
        /// What the request is counted under.
        public var descriptors: [RateLimitDescriptor]
        /// How many hits it counts for.
        public var hits: UInt32
        /// When nobody waits any more.
        public var deadline: Deadline

        /// Creates a question.
        public init(domain: String, descriptors: [RateLimitDescriptor], hits: UInt32, deadline: Deadline) {
            self.domain = domain
            self.descriptors = descriptors
            self.hits = hits
            self.deadline = deadline
        }
    }

    /// What it does with a question.
    public enum Step: Sendable {
        /// Answers.
        case answer(RateLimitVerdict)
        /// Answers after a while of the clock, whatever the deadline.
        case answerAfter(Nanoseconds, RateLimitVerdict)
        /// Fails.
        case fail(MeshError)
    }

    private let clock: any MeshClock
    private let step: @Sendable (Question, Int) -> Step
    private let asked = Mutex<[Question]>([])

    /// Creates a service.
    /// - Parameters:
    ///   - clock: What `answerAfter` waits on.
    ///   - step: What to do with a question, given its number, from 0.
    public init(clock: any MeshClock = SystemClock(), step: @escaping @Sendable (Question, Int) -> Step) {
        self.clock = clock
        self.step = step
    }

    /// Creates a service that lets so many requests of each descriptor pass, and no more.
    public convenience init(limit: UInt32) {
        let counts = Counts()
        self.init { question, _ in .answer(counts.count(question, limit: limit)) }
    }

    /// The questions, in order.
    public var questions: [Question] { asked.withLock { $0 } }

    /// Answers as the script says.
    public func shouldRateLimit(
        domain: String,
        descriptors: [RateLimitDescriptor],
        hits: UInt32,
        deadline: Deadline
    ) async throws -> RateLimitVerdict {
        let question = Question(domain: domain, descriptors: descriptors, hits: hits, deadline: deadline)
        let number = asked.withLock { asked in
            asked.append(question)
            return asked.count - 1
        }
        switch step(question, number) {
        case .answer(let verdict): return verdict
        case .answerAfter(let wait, let verdict):
            try await clock.sleep(until: clock.now.advanced(by: wait))
            return verdict
        case .fail(let error): throw error
        }
    }

    /// How often each descriptor was seen.
    private final class Counts: Sendable {
        private let seen = Mutex<[[RateLimitDescriptor.Entry]: UInt32]>([:])

        func count(_ question: Question, limit: UInt32) -> RateLimitVerdict {
            var verdict = RateLimitVerdict()
            for descriptor in question.descriptors {
                let count = seen.withLock { seen in
                    seen[descriptor.entries, default: 0] += 1
                    return seen[descriptor.entries] ?? 0
                }
                let isOverLimit = count > limit
                verdict.isOverLimit = verdict.isOverLimit || isOverLimit
                verdict.statuses.append(
                    RateLimitVerdict.Status(
                        isOverLimit: isOverLimit,
                        limit: .init(requestsPerUnit: limit, unit: .minute),
                        remaining: isOverLimit ? 0 : limit - count,
                        reset: .seconds(60)
                    )
                )
            }
            return verdict
        }
    }
}
