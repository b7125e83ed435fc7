// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A retry budget that a cluster's requests share, safe to use from any thread.
public final class RetryBudget: Sendable {
    /// The budget's configuration.
    public let configuration: RetryBudgetConfiguration
    /// The cluster whose requests share it, as observers are told; empty if it belongs to none.
    public let cluster: String
    private let machine: Mutex<RetryBudgetStateMachine>

    /// Creates a budget that is full of its reserve.
    public init(_ configuration: RetryBudgetConfiguration = RetryBudgetConfiguration(), cluster: String = "") {
        self.configuration = configuration
        self.cluster = cluster
        self.machine = Mutex(RetryBudgetStateMachine(configuration))
    }

    /// Notes a request, which earns a share of a retry.
    public func deposit(at now: MeshInstant) {
        machine.withLock { $0.requestMade(at: now) }
    }

    /// Takes one retry out of the budget.
    /// - Returns: `false` if the budget does not allow it.
    public func withdraw(at now: MeshInstant) -> Bool {
        machine.withLock { $0.retryWanted(at: now) }
    }

    /// How many retries the budget would allow now.
    public func balance(at now: MeshInstant) -> Double {
        machine.withLock { $0.balance(at: now) }
    }
}
