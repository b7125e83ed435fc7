// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The spans that wait for their export: bounded, and exact about what did not fit.
struct SpanQueue<Element> {
    /// What the owner does after an element was offered.
    enum Action: Equatable {
        /// Nothing: the next interval will do.
        case wait
        /// A whole batch waits: wake the exporter.
        case wake
    }

    private var waiting: [Element] = []
    private(set) var dropped: UInt64 = 0
    let capacity: Int
    let batchSize: Int

    init(capacity: Int, batchSize: Int) {
        self.capacity = capacity
        self.batchSize = batchSize
    }

    var count: Int { waiting.count }

    /// Takes an element, or counts it as dropped when the queue is full. The oldest stay: a trace whose beginning is
    /// there is worth more than one whose end is.
    mutating func offered(_ element: Element) -> Action {
        guard waiting.count < capacity else {
            dropped += 1
            return .wait
        }
        waiting.append(element)
        // Once a batch is enough to wake somebody; the exporter empties the queue when it runs.
        return waiting.count == batchSize ? .wake : .wait
    }

    /// Removes the oldest elements, at most a batch of them.
    mutating func takeBatch() -> [Element] {
        guard waiting.count > batchSize else {
            defer { waiting.removeAll(keepingCapacity: true) }
            return waiting
        }
        defer { waiting.removeFirst(batchSize) }
        return Array(waiting.prefix(batchSize))
    }
}
