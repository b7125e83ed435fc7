// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import Synchronization

/// Steady traffic at the page: a number of readers who look at it again and again.
struct Load: Sendable {
    let client: OutsideClient
    let address: EndpointAddress
    var readers = 8
    var headers: HTTPFields = [:]

    /// Sends a number of requests and returns what was seen.
    func run(_ count: Int) async -> [PageView] {
        let next = Shared(0)
        return await withTaskGroup(of: [PageView].self) { group in
            for _ in 0..<readers {
                group.addTask {
                    var views: [PageView] = []
                    while next.withLock({ number in
                        number += 1; return number <= count
                    }) {
                        views.append(await client.page(at: address, headers: headers))
                    }
                    return views
                }
            }
            var all: [PageView] = []
            for await views in group { all += views }
            return all
        }
    }

    /// Sends requests until `body` returns, and at least `minimum`; returns what was seen meanwhile.
    func run<Value: Sendable>(
        atLeast minimum: Int,
        during body: @escaping @Sendable (_ soFar: @escaping @Sendable () -> [PageView]) async throws -> Value
    ) async throws -> (value: Value, views: [PageView]) {
        let seen = Shared<[PageView]>([])
        let isOver = Shared(false)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            for _ in 0..<readers {
                group.addTask {
                    while !isOver.withLock({ $0 }) || seen.withLock({ $0.count }) < minimum {
                        let view = await client.page(at: address, headers: headers)
                        seen.withLock { $0.append(view) }
                        try Task.checkCancellation()
                    }
                    return nil
                }
            }
            group.addTask {
                defer { isOver.withLock { $0 = true } }
                return try await body { seen.withLock { $0 } }
            }
            var value: Value?
            while let result = try await group.next() { value = result ?? value }
            guard let value else { throw BookinfoError("the scene ended without a result") }
            return (value, seen.withLock { $0 })
        }
    }
}

/// A value that several readers share.
private final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in body(&value) }
    }
}
