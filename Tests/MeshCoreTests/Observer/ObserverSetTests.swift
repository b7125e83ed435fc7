// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Synchronization
import Testing

@Suite struct ObserverSetTests {
    struct Wrapping: Observer {
        let name: String
        let order: @Sendable (String) -> Void

        func whileHandling<Result>(
            _ context: CallContext,
            _ body: () async throws -> Result
        ) async throws -> Result {
            order(name + " in")
            let result = try await body()
            order(name + " out")
            return result
        }
    }

    @Test func `the first observer's binding is the outermost`() async throws {
        let heard = Mutex<[String]>([])
        let note: @Sendable (String) -> Void = { line in heard.withLock { $0.append(line) } }
        let set = ObserverSet([Wrapping(name: "a", order: note), Wrapping(name: "b", order: note)])
        let value = try await set.whileHandling(CallContext(now: MeshInstant(nanoseconds: 1))) { 7 }
        #expect(value == 7)
        #expect(heard.withLock { $0 } == ["a in", "b in", "b out", "a out"])
    }

    @Test func `every observer hears every event`() {
        let observers = [RecordingObserver(), RecordingObserver()]
        ObserverSet(observers).noticed(.unexpected(component: "c", message: "m"))
        #expect(observers.map(\.events.count) == [1, 1])
        #expect(ObserverSet.none.isEmpty)
    }
}
