// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Limits the calls under way, with a bounded queue in front; usable alone around any async closure.
///
/// ```swift
/// let bulkhead = try Bulkhead(BulkheadConfiguration(maximumConcurrent: 10, maximumQueued: 100))
/// let answer = try await bulkhead.run { try await call() }
/// ```
///
/// A call that finds a place costs one short lock to enter and one to leave, and no allocation. A call that waits
/// suspends without a task of its own unless its wait is bounded: then one child task, owned by the waiting call and
/// ended with its wait, sleeps on the clock.
public final class Bulkhead: Sendable {
    /// What it was made with; `limit` is the limit in force.
    public let configuration: BulkheadConfiguration
    /// What it stands on, as observers are told.
    public let name: String
    private let kind: PolicyKind
    private let refusals: BulkheadRefusals
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let room: Mutex<BulkheadRoom>

    /// Creates an empty bulkhead.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: BulkheadConfiguration = BulkheadConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock)
    }

    /// Creates an empty bulkhead from a configuration whose bounds hold.
    package convenience init(
        validated configuration: BulkheadConfiguration,
        name: String,
        observers: ObserverSet,
        clock: any MeshClock
    ) {
        let refusals = BulkheadRefusals(.overflow, subject: "the bulkhead is full", reply: nil)
        self.init(configuration, kind: .bulkhead, refusals: refusals, name: name, observers: observers, clock: clock)
    }

    /// Creates the places of another policy, in whose name it decides and refuses.
    init(
        _ configuration: BulkheadConfiguration,
        kind: PolicyKind,
        refusals: BulkheadRefusals,
        name: String,
        observers: ObserverSet,
        clock: any MeshClock
    ) {
        self.configuration = configuration
        self.kind = kind
        self.refusals = refusals
        self.name = name
        self.observers = observers
        self.clock = clock
        self.room = Mutex(BulkheadRoom(BulkheadStateMachine(configuration)))
    }

    /// The most calls under way, as it is now.
    public var limit: Int { room.withLock { $0.machine.limit } }
    /// The calls under way.
    public var inFlight: Int { room.withLock { $0.machine.inFlight } }
    /// The calls that wait.
    public var queued: Int { room.withLock { $0.machine.queued } }
    /// The calls that wait or have not heard yet what became of their wait.
    package var unsettled: Int { room.withLock { $0.seatCount } }

    /// Changes the limit for good. A smaller one cancels nothing: the calls under way drain.
    /// - Parameter limit: From 0, which admits nobody.
    public func changeLimit(to limit: Int) {
        if setLimit(limit) { tell(.changed, .forced) }
    }

    /// Changes the limit and admits who can be; observers are not told.
    /// - Returns: Whether it is another than before.
    func setLimit(_ limit: Int) -> Bool {
        let (isChanged, isWaitedFor) = room.withLock { room in
            let before = room.machine.limit
            let isWaitedFor = room.machine.limitChanged(to: limit)
            return (room.machine.limit != before, isWaitedFor)
        }
        if isWaitedFor { settle() }
        return isChanged
    }

    /// Takes a place, and waits for one if it may.
    /// - Parameter deadline: When nobody wants the place any more. A call whose deadline has passed does not wait.
    /// - Returns: The place; to be kept for as long as the call is under way.
    /// - Throws: `MeshError` with code `overflow` and the reason (`limit`, `queueFull`, `waitTooLong`), or
    ///   `deadlineExceeded`; `CancellationError` if the task is cancelled while it waits.
    public func acquire(deadline: Deadline = .never) async throws -> BulkheadPermit {
        let isHeld = try await enter(deadline: deadline)
        return BulkheadPermit(isHeld ? self : nil)
    }

    /// Takes a place if there is one now.
    /// - Returns: `nil` if there is none, or if others wait.
    public func tryAcquire() -> BulkheadPermit? {
        switch entry() {
        case .held: BulkheadPermit(self)
        case .free: BulkheadPermit(nil)
        case .mustWait: nil
        }
    }

    /// Runs an operation in a place of its own.
    /// - Throws: what `acquire` throws; else what the operation throws.
    /// - Complexity: O(1); no allocation unless it waits.
    @inlinable
    public func run<Value>(
        deadline: Deadline = .never,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        let entry = entry()
        if entry == .mustWait { try await wait(deadline: deadline) }
        defer { if entry != .free { leave() } }
        return try await operation()
    }
}

extension Bulkhead {
    /// What a call finds at the door.
    @frozen
    @usableFromInline
    enum Entry {
        /// A place, which it holds.
        case held
        /// Nothing that would hold it up, and no place.
        case free
        /// No place, or others that wait.
        case mustWait
    }

    /// Takes a place if there is one; never waits.
    @usableFromInline
    func entry() -> Entry {
        switch configuration.mode {
        case .enforce: room.withLock { $0.machine.placeWanted() } ? .held : .mustWait
        case .observe: observe()
        case .disabled: .free
        }
    }

    /// Takes a place and waits for it if it may.
    /// - Returns: Whether a place is held, which `leave` gives back.
    @inlinable
    func enter(deadline: Deadline) async throws -> Bool {
        switch entry() {
        case .held: return true
        case .free: return false
        case .mustWait:
            try await wait(deadline: deadline)
            return true
        }
    }

    /// Gives a place back, and hands it to whoever is next.
    @usableFromInline
    func leave() {
        if room.withLock({ $0.machine.placeReturned() }) { settle() }
    }

    /// Enters beyond the limit, for a policy that guarantees the call its place.
    /// - Returns: The calls under way, with this one.
    func enterRegardless() -> Int {
        room.withLock { room in
            room.machine.placeTaken()
            return room.machine.inFlight
        }
    }

    /// Takes a place if there is one; never waits. Only where the bulkhead acts.
    /// - Returns: The calls under way, with this one; 0 if there is no place.
    func entryCounting() -> Int {
        room.withLock { $0.machine.placeWanted() ? $0.machine.inFlight : 0 }
    }

    /// Takes a place and waits for it if it may.
    /// - Returns: The calls under way, with this one; 0 if no place is held.
    func enterCounting(deadline: Deadline) async throws -> Int {
        if configuration.mode == .enforce {
            let inFlight = entryCounting()
            if inFlight > 0 { return inFlight }
        }
        return try await enter(deadline: deadline) ? inFlight : 0
    }

    /// Waits for a place, if it may.
    @usableFromInline
    func wait(deadline: Deadline) async throws {
        let now = clock.now
        let (answer, displaced) = room.withLock { room -> (BulkheadStateMachine.Answer, BulkheadRoom.Sleeper?) in
            let answer = room.machine.callWanted(at: now, deadline: deadline)
            guard case .queued(let id, _, let displaced) = answer else { return (answer, nil) }
            room.waiterJoined(id)
            return (answer, displaced.flatMap { room.settle($0, .refused(.queueFull)) })
        }
        displaced?.resume(returning: .refused(.queueFull))
        switch answer {
        case .admitted: return
        case .refused(let reason): throw refusal(reason)
        case .queued(let id, let until, _):
            tell(.queued, .limit)
            switch await verdict(on: id, until: until) {
            case .admitted:
                // The place came first and the cancellation second: nobody wants it, so that the next one gets it.
                guard Task.isCancelled else { return }
                leave()
                throw CancellationError()
            case .refused(let reason): throw refusal(reason)
            case .cancelled: throw CancellationError()
            }
        }
    }

    private func verdict(on id: BulkheadRoom.WaiterID, until: MeshInstant) async -> BulkheadRoom.Verdict {
        guard until.nanoseconds != .max else { return await verdict(on: id) }
        return await withTaskGroup(of: Void.self) { group in
            // This group owns the sleep, and ends it when the verdict is there.
            group.addTask {
                do {
                    try await self.clock.sleep(until: until)
                    self.timeIsUp(for: id)
                } catch {
                    // The verdict came first.
                }
            }
            let verdict = await verdict(on: id)
            group.cancelAll()
            return verdict
        }
    }

    private func verdict(on id: BulkheadRoom.WaiterID) async -> BulkheadRoom.Verdict {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (sleeper: BulkheadRoom.Sleeper) in
                if let verdict = room.withLock({ $0.waiterSuspends(id, sleeper) }) {
                    sleeper.resume(returning: verdict)
                }
            }
        } onCancel: {
            let sleeper = room.withLock { $0.machine.waiterLeft(id) ? $0.settle(id, .cancelled) : nil }
            sleeper?.resume(returning: .cancelled)
        }
    }

    private func timeIsUp(for id: BulkheadRoom.WaiterID) {
        let late = room.withLock { room -> (BulkheadRoom.Sleeper?, BulkheadRoom.Verdict)? in
            guard let reason = room.machine.waiterTimedOut(id) else { return nil }
            return (room.settle(id, .refused(reason)), .refused(reason))
        }
        if let (sleeper, verdict) = late { sleeper?.resume(returning: verdict) }
    }

    /// Changes the limit and wakes nobody.
    /// - Returns: Whether somebody waits, so that `settle` has to be called.
    func storeLimit(_ limit: Int) -> Bool {
        room.withLock { $0.machine.limitChanged(to: limit) }
    }

    /// Hands out free places, one waiter a lock, so that nobody is woken inside it and nothing has to be collected.
    func settle() {
        let now = clock.now
        while let (sleeper, verdict) = nextSettlement(at: now) {
            sleeper?.resume(returning: verdict)
        }
    }

    private func nextSettlement(at now: MeshInstant) -> (BulkheadRoom.Sleeper?, BulkheadRoom.Verdict)? {
        room.withLock { room in
            switch room.machine.nextSettlement(at: now) {
            case .admitted(let id): (room.settle(id, .admitted), .admitted)
            case .refused(let id, let reason): (room.settle(id, .refused(reason)), .refused(reason))
            case nil: nil
            }
        }
    }

    private func observe() -> Entry {
        switch room.withLock({ $0.machine.callObserved() }) {
        case .admitted: return .held
        case .queued:
            tell(.queued, .limit)
            return .held
        case .refused(let reason):
            tell(.refused, reason)
            return .free
        }
    }

    private func refusal(_ reason: PolicyDecision.Reason) -> any Error {
        tell(reason == .deadline ? .timedOut : .refused, reason)
        return refusals[reason]
    }

    private func tell(_ action: PolicyDecision.Action, _ reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(kind, name: name, action, because: reason, isEnforced: isEnforced)
    }
}
