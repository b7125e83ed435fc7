// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A retry budget that a cluster's requests share, retries and hedges alike; safe to use from any thread.
///
/// A request makes one `deposit` when it begins, and each retry or hedge one `withdraw` before it is made. A budget
/// with `hearsEndings` also wants `requestEnded` once for each deposit, `attemptFailed` and `requestSucceeded`; the
/// permits that `permit(for:at:)` hands out give their place back by themselves.
public final class RetryBudget: Sendable {
    /// What the budget does with what it decides.
    public let mode: PolicyMode
    /// The cluster whose requests share it, as observers are told; empty if it belongs to none.
    public let cluster: String
    /// Whether it wants to hear how attempts and requests end; if not, nobody needs to tell it.
    public let hearsEndings: Bool
    /// What it was made from.
    public let plan: any RetryBudgetPlan
    private let machine: Mutex<RetryBudgetMachine>
    /// Retries under way that `withdraw(at:)` let pass although there was no place for them, because the budget only
    /// observes. Their ends give back no place: they never had one.
    private let placeless = Atomic(0)

    /// Creates a token budget with the default numbers: 20% of the requests and 10 a second, over 10 s.
    public convenience init() {
        self.init(validated: RetryBudgetConfiguration())
    }

    /// Creates a budget.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(_ plan: some RetryBudgetPlan, cluster: String = "") throws(ConfigurationError) {
        try plan.validate()
        self.init(validated: plan, cluster: cluster)
    }

    /// Creates a budget from a plan that was validated at the edge.
    package init(validated plan: some RetryBudgetPlan, cluster: String = "") {
        let strategy = plan.makeStrategy()
        self.mode = plan.mode
        self.cluster = cluster
        self.plan = plan
        self.hearsEndings = plan.mode != .disabled && strategy.hearsEndings
        self.machine = Mutex(RetryBudgetMachine(strategy))
    }

    /// A request begins.
    public func deposit(at now: MeshInstant) {
        guard mode != .disabled else { return }
        machine.withLock { $0.requestStarted(at: now) }
    }

    /// Takes one retry out of the budget.
    ///
    /// If the budget hears endings, `retryEnded` has to follow, exactly once; `permit(for:at:)` sees to that by itself.
    /// - Returns: `false` if the budget does not allow it. One that is disabled or only observes allows all.
    public func withdraw(at now: MeshInstant) -> Bool {
        let answer = answer(to: .failure, at: now)
        if answer == .wouldRefuse { placeless.wrappingAdd(1, ordering: .relaxed) }
        return answer != .refused
    }

    /// Takes one retry out of the budget, and says what it took.
    /// - Returns: A permit for as long as the retry is under way; `nil` if the budget does not allow it.
    public func permit(for cause: RetryCause = .failure, at now: MeshInstant) -> RetryPermit? {
        switch answer(to: cause, at: now) {
        case .granted(let taken): RetryPermit(self, taken: taken, isEnforced: true)
        // Nothing was taken, so that there is nothing to give back.
        case .wouldRefuse: RetryPermit(nil, taken: nil, isEnforced: false)
        case .passed: RetryPermit(nil, taken: nil, isEnforced: true)
        case .refused: nil
        }
    }

    /// Whether the budget would allow a retry now; nothing is taken.
    public func allows(_ cause: RetryCause = .failure, at now: MeshInstant) -> Bool {
        guard mode == .enforce else { return true }
        return machine.withLock { machine in
            var copy = machine
            return copy.retryWanted(cause, at: now) != nil
        }
    }

    /// A request that was deposited is over, whatever came of it.
    public func requestEnded() {
        guard hearsEndings else { return }
        machine.withLock { $0.requestEnded() }
    }

    /// An attempt failed in a way that is worth a retry, or the peer asked for none.
    public func attemptFailed() {
        guard hearsEndings else { return }
        machine.withLock { $0.attemptFailed() }
    }

    /// A request succeeded.
    /// - Parameter taken: What its last retry took (`RetryPermit.taken`); `nil` if its first attempt succeeded.
    public func requestSucceeded(taken: Int? = nil) {
        guard hearsEndings else { return }
        machine.withLock { $0.requestSucceeded(taken: taken) }
    }

    /// A retry that `withdraw(at:)` allowed is over, whatever came of it.
    public func retryEnded() {
        guard hearsEndings else { return }
        var count = mode == .observe ? placeless.load(ordering: .relaxed) : 0
        while count > 0 {
            let (isExchanged, current) = placeless.compareExchange(
                expected: count,
                desired: count - 1,
                ordering: .relaxed
            )
            if isExchanged { return }
            count = current
        }
        machine.withLock { $0.retryEnded() }
    }

    /// How many retries the budget would allow now.
    public func balance(at now: MeshInstant) -> Double {
        machine.withLock { $0.balance(at: now) }
    }

    private enum Answer: Equatable {
        case granted(Int)
        case refused
        case wouldRefuse
        case passed
    }

    private func answer(to cause: RetryCause, at now: MeshInstant) -> Answer {
        guard mode != .disabled else { return .passed }
        if let taken = machine.withLock({ $0.retryWanted(cause, at: now) }) { return .granted(taken) }
        return mode == .enforce ? .refused : .wouldRefuse
    }
}
