// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Some tasks that fight over one policy, some of whose calls fail and some of which are cancelled, and what must hold when
/// they are done.
struct Contest: Sendable {
    struct Broken: Error {}

    /// What became of the calls.
    final class Tally: Sendable {
        let succeeded = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        let cancelled = Atomic<Int>(0)
        /// Runs of the operation that are under way.
        let underWay = Atomic<Int>(0)

        var calls: Int {
            succeeded.load(ordering: .relaxed) + failed.load(ordering: .relaxed) + cancelled.load(ordering: .relaxed)
        }
    }

    let name: String
    /// Makes one call through the policy.
    let call: @Sendable (_ number: Int, _ operation: @escaping @Sendable () async throws -> Int) async throws -> Int
    /// What is wrong once all calls have ended; `nil` for nothing.
    let verdict: @Sendable () -> String?

    init(
        _ name: String,
        _ call: @escaping @Sendable (Int, @escaping @Sendable () async throws -> Int) async throws -> Int,
        verdict: @escaping @Sendable () -> String? = { nil }
    ) {
        self.name = name
        self.call = call
        self.verdict = verdict
    }

    /// Runs the contest.
    /// - Returns: Whether everything held.
    func run(tasks: Int, calls: Int) async -> Bool {
        let tally = Tally()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    for number in 0..<calls { await one(task * calls + number, tally) }
                }
            }
        }
        var problems: [String] = []
        if tally.calls != tasks * calls { problems.append("\(tally.calls) of \(tasks * calls) calls ended") }
        let left = tally.underWay.load(ordering: .relaxed)
        if left != 0 { problems.append("\(left) operations are under way") }
        if let problem = verdict() { problems.append(problem) }
        let figures =
            "\(tally.succeeded.load(ordering: .relaxed)) succeeded, "
            + "\(tally.failed.load(ordering: .relaxed)) failed or refused, "
            + "\(tally.cancelled.load(ordering: .relaxed)) cancelled"
        print(problems.isEmpty ? "ok     \(name): \(figures)" : "FAILED \(name): \(figures): \(problems)")
        return problems.isEmpty
    }

    private func one(_ number: Int, _ tally: Tally) async {
        let work: @Sendable () async throws -> Int = {
            tally.underWay.wrappingAdd(1, ordering: .relaxed)
            defer { tally.underWay.wrappingSubtract(1, ordering: .relaxed) }
            if number % 3 == 0 { await Task.yield() }
            if number % 5 == 0 { throw Broken() }
            return number
        }
        // One call in four is cancelled somewhere on its way.
        let outcome: Result<Int, any Error>
        if number % 4 == 0 {
            outcome = await withTaskGroup(of: Result<Int, any Error>.self) { group in
                group.addTask { await Self.result { try await call(number, work) } }
                if number % 8 == 0 { await Task.yield() }
                group.cancelAll()
                return await group.next() ?? .failure(CancellationError())
            }
        } else {
            outcome = await Self.result { try await call(number, work) }
        }
        switch outcome {
        case .success: tally.succeeded.wrappingAdd(1, ordering: .relaxed)
        case .failure(is CancellationError): tally.cancelled.wrappingAdd(1, ordering: .relaxed)
        case .failure: tally.failed.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private static func result(_ body: () async throws -> Int) async -> Result<Int, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
