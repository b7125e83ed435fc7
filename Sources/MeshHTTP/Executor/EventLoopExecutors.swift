// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import NIOCore
import Synchronization

/// One task executor for each loop of a group.
public final class EventLoopExecutors: Sendable {
    let loops: [any EventLoop]
    private let executors: [EventLoopTaskExecutor]
    private let turn = Atomic<Int>(0)

    /// Creates the executors of a group.
    /// - Precondition: The group has a loop.
    public init(_ group: any EventLoopGroup) {
        self.loops = Array(group.makeIterator())
        self.executors = loops.map { EventLoopTaskExecutor($0) }
        precondition(!loops.isEmpty, "the event loop group has no loops")
    }

    /// The executor of a loop; `nil` if the loop is not of the group.
    public func executor(of loop: any EventLoop) -> EventLoopTaskExecutor? {
        index(of: loop).map { executors[$0] }
    }

    /// The next executor in turn.
    public func next() -> EventLoopTaskExecutor {
        executors[nextIndex()]
    }

    /// The executor of the loop at a place in the group.
    subscript(_ place: Int) -> EventLoopTaskExecutor { executors[place] }

    /// The place of a loop in the group. There are as many loops as cores: a scan is faster than a hash.
    func index(of loop: any EventLoop) -> Int? {
        loops.firstIndex { $0 === loop }
    }

    func nextIndex() -> Int {
        Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(loops.count))
    }
}
