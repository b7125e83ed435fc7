// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The leaky bucket of a retry budget, in ten time slots; amounts are millionths of a retry.
///
/// The balance is a reserve (`minimumPerSecond × timeToLive`) plus what the slots hold. A request puts its share into the
/// current slot, a retry takes one whole from it; a slot that is older than the time to live is forgotten, and with it
/// what was put in and taken out then. (Finagle's `RetryBudget`, Tower's `TpsBudget`.)
public struct TokenRetryBudget: RetryBudgetStrategy {
    private static let slotCount: UInt64 = 10
    private static let oneRetry: Int64 = 1_000_000

    private let share: Int64
    private let reserve: Int64
    private let slotWidth: UInt64
    private var slots: [Int64]
    /// The number, since the clock's start, of the newest slot that is valid.
    private var newest: UInt64 = 0
    /// When the newest slot ends: a comparison costs less than a division.
    private var newestEndsAt: UInt64

    /// Creates a budget that is full of its reserve.
    public init(_ configuration: RetryBudgetConfiguration) {
        self.share = Int64((configuration.percent * Double(Self.oneRetry / 100)).rounded())
        self.reserve = Int64(configuration.minimumPerSecond * configuration.timeToLive.seconds * Double(Self.oneRetry))
        self.slotWidth = max(configuration.timeToLive.rawValue / Self.slotCount, 1)
        self.newestEndsAt = slotWidth
        self.slots = Array(repeating: 0, count: Int(Self.slotCount))
    }

    /// `false`: what was taken comes back with time.
    public var hearsEndings: Bool { false }

    /// A request begins; it earns its share of a retry.
    public mutating func requestStarted(at now: MeshInstant) {
        forgetOldSlots(at: now)
        add(share)
    }

    /// A retry is wanted.
    /// - Returns: 1; `nil` if there is less than a whole one.
    public mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int? {
        forgetOldSlots(at: now)
        guard total >= Self.oneRetry else { return nil }
        add(-Self.oneRetry)
        return 1
    }

    /// Nothing.
    public mutating func requestEnded() {}
    /// Nothing.
    public mutating func attemptFailed() {}
    /// Nothing.
    public mutating func requestSucceeded(taken: Int?) {}
    /// Nothing.
    public mutating func retryEnded() {}

    /// How many retries there are.
    public func balance(at now: MeshInstant) -> Double {
        var copy = self
        copy.forgetOldSlots(at: now)
        return Double(copy.total) / Double(Self.oneRetry)
    }

    private var total: Int64 {
        slots.reduce(reserve) { sum, slot in
            let (result, overflow) = sum.addingReportingOverflow(slot)
            return overflow ? .max : result
        }
    }

    @inline(__always)
    private mutating func add(_ amount: Int64) {
        let position = Int(newest % Self.slotCount)
        let (sum, overflow) = slots[position].addingReportingOverflow(amount)
        if !overflow { slots[position] = sum }
    }

    @inline(__always)
    private mutating func forgetOldSlots(at now: MeshInstant) {
        if now.nanoseconds >= newestEndsAt { turn(at: now) }
    }

    @inline(never)
    private mutating func turn(at now: MeshInstant) {
        let current = now.nanoseconds / slotWidth
        guard current > newest else { return }
        // After a long pause every slot is old; there is no need to walk through the time that passed.
        for number in 0..<min(current - newest, Self.slotCount) {
            slots[Int((current - number) % Self.slotCount)] = 0
        }
        newest = current
        let (end, overflow) = (current + 1).multipliedReportingOverflow(by: slotWidth)
        newestEndsAt = overflow ? .max : end
    }
}
