// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

/// Each rule notices what it is for, and nothing else: a rule that cannot fail protects nobody.
@Suite
struct RuleTests {
    private static func lines(_ rule: Rule, _ path: String, _ text: String) -> [Int] {
        let file = SourceFile(path: path, text: text)
        return rule.applies(file) ? rule.violations(file) : []
    }

    private static let core = "Sources/MeshCore/X.swift"
    private static let http = "Sources/MeshHTTP/X.swift"
    private static let machine = "Sources/MeshHTTP/PoolStateMachine.swift"
    private static let test = "Tests/MeshCoreTests/XTests.swift"

    @Test(
        arguments: [
            (.unstructuredTask, core, "Task { }"),
            (.unstructuredTask, core, "let t = Task<Int, Never>(priority: .high) {"),
            (.unstructuredTask, core, "Task.detached(priority: nil, operation: work)"),
            (.unstructuredTask, http, "loop.makeFutureWithTask {"),
            (.unstructuredTask, core, "// does something\nTask { }"),
            (.sleep, core, "try await Task.sleep(for: .seconds(1))"),
            (.sleep, test, "usleep(100)"),
            (.foreignClock, core, "let clock = ContinuousClock()"),
            (.foreignClock, http, "let start = DispatchTime.now()"),
            (.systemRandomness, core, "var r = SystemRandomNumberGenerator()"),
            (.systemRandomness, core, "let x = Int.random(in: 0..<5)"),
            (.systemRandomness, core, "let x = list.shuffled()"),
            (.uncheckedSendability, core, "final class A: @unchecked Sendable {}"),
            (.uncheckedSendability, test, "nonisolated(unsafe) var x = 0"),
            (.impureMachine, machine, "let now = clock.now"),
            (.impureMachine, machine, "func f() async {}"),
            (.impureMachine, machine, "private let random: MeshRandom"),
            (.impureMachine, machine, "let lock = Mutex(0)"),
            (.trap, core, "let x = try! f()"),
            (.trap, core, "fatalError(\"never\")"),
            (.printing, core, "print(\"x\")"),
            (.impureImport, core, "import Foundation"),
            (.impureImport, core, "public import FoundationEssentials"),
            (.impureImport, core, "@preconcurrency import MeshRouting"),
            (.impureImport, core, "import struct Foundation.Date"),
            (.impureImport, "Sources/MeshRouting/X.swift", "import MeshBalancing"),
            (.forbiddenName, core, "struct ConnectionManager {"),
            (.forbiddenName, core, "public final class HTTPHandler: Sendable {"),
            (.forbiddenName, core, "enum RouteInfo {"),
            (.forbiddenName, core, "typealias Data = [UInt8]"),
            (.forbiddenFile, "Sources/MeshCore/StringUtils.swift", ""),
            (.forbiddenFile, "Sources/MeshCore/Extensions.swift", ""),
            (.todo, core, "// TODO: later"),
            (.header, core, "import Synchronization"),
            (.licence, "Tests/Interop/x.py", "#!/usr/bin/env python3"),
            (.licence, "Sources/MeshXDS/Generated/x.pb.swift", "// DO NOT EDIT."),
        ] as [(Rule, String, String)]
    )
    func `what is banned is found`(rule: Rule, path: String, text: String) {
        #expect(!Self.lines(rule, path, text).isEmpty)
    }

    @Test(
        arguments: [
            (.unstructuredTask, core, "group.addTask { }"),
            (.unstructuredTask, core, "// Task { }"),
            (.unstructuredTask, core, "let text = \"Task { }\""),
            (.unstructuredTask, http, "// The owner is `run`, which awaits it before it returns.\nTask { }"),
            (.unstructuredTask, test, "Task { }"),
            (.sleep, core, "try await clock.sleep(until: deadline)"),
            (.systemRandomness, core, "let x = Int.random(in: 0..<5, using: &random)"),
            (.uncheckedSendability, core, "// The lock guards every field.\nfinal class A: @unchecked Sendable {}"),
            (.impureMachine, machine, "mutating func timerFired(at now: MeshInstant) -> Action {"),
            (
                .impureMachine, machine,
                "mutating func failed(at now: MeshInstant, using random: MeshRandom) -> Action {"
            ),
            (.impureMachine, machine, "let awaited = asyncAction"),
            (.impureMachine, http, "let now = clock.now"),
            (.trap, core, "let x = try? f()"),
            (.trap, test, "let x = try! f()"),
            (.trap, "Benchmarks/main.swift", "fatalError()"),
            (.printing, core, "formatter.print(x)"),
            (.printing, "Examples/Bookinfo/main.swift", "print(x)"),
            (.impureImport, core, "import Synchronization"),
            (.impureImport, "Sources/ServiceMesh/X.swift", "public import MeshConfig"),
            (.impureImport, http, "import Foundation"),
            (.forbiddenName, core, "public protocol RequestHandler {"),
            (.forbiddenName, core, "struct Database {"),
            (.forbiddenName, core, "struct RetryLayer<Base: Transport> {"),
            (.forbiddenFile, "Sources/MeshCore/CommonName.swift", ""),
            (.todo, core, "// TODO(#12): later"),
            (.header, core, "// SPDX-License-Identifier: Apache-2.0\n// Part of swift-service-mesh.\n\nimport X"),
            (.licence, "Tests/Interop/x.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0"),
        ] as [(Rule, String, String)]
    )
    func `what is fine is left alone`(rule: Rule, path: String, text: String) {
        #expect(Self.lines(rule, path, text).isEmpty)
    }

    @Test
    func `a file may have 350 lines and no more, unless it is generated`() {
        let text = String(repeating: "x\n", count: 350)
        #expect(Self.lines(.longFile, Self.core, text).isEmpty)
        #expect(Self.lines(.longFile, Self.core, text + "x\n") == [351])
        #expect(Self.lines(.longFile, "Sources/MeshXDS/Generated/x.pb.swift", text + "x\n").isEmpty)
    }

    @Test
    func `every rule has its cases here`() {
        // A rule that is added without a case would go untested.
        #expect(Rule.all.count == 15)
        #expect(Set(Rule.all.map(\.statement)).count == Rule.all.count)
    }
}
