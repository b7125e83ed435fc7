// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The places that break a rule with good reason. An entry that nothing needs any more fails the tests.
enum Exemptions {
    static let all: [Exemption] = [
        Exemption(
            rule: .sleep,
            path: "Sources/MeshCore/Time/SystemClock.swift",
            line: "Task.sleep(for:",
            reason: "this is the system's clock"
        ),
        Exemption(
            rule: .systemRandomness,
            path: "Sources/MeshCore/Random/MeshRandom.swift",
            line: "UInt64.random(in:",
            reason: "the one seed that a process draws from the system"
        ),
        Exemption(
            rule: .impureImport,
            path: "Sources/MeshCore/Time/SystemClock.swift",
            line: nil,
            reason: "the one file of the pure part that may ask the C library, for the time"
        ),
        Exemption(
            rule: .forbiddenName,
            path: "Sources/MeshXDS/Decoding/Listener/HTTPConnectionManager.swift",
            line: "struct HTTPConnectionManager",
            reason: "it decodes the filter that Envoy's API names so"
        ),
        Exemption(
            rule: .forbiddenName,
            path: "Sources/MeshXDS/Encoding/ResourceEncoder+Listener.swift",
            line: "HTTPConnectionManagerMessage",
            reason: "a short name for the generated message of that filter"
        ),
        Exemption(
            rule: .unstructuredTask,
            path: "Benchmarks/Micro/main.swift",
            line: "Task.detached {",
            reason:
                "the main thread owns it and waits for its end; valgrind cannot follow an asynchronous main function"
        ),
        Exemption(
            rule: .impureImport,
            path: "Sources/ServiceMesh/Mesh/ProcessEnvironment.swift",
            line: nil,
            reason: "MESH_DISABLED is read from the environment, for which Swift has no module of its own"
        ),
        Exemption(
            rule: .impureImport,
            path: "Sources/MeshResilience/Sanitizing/Mutex.swift",
            line: nil,
            reason: "POSIX's mutex, for builds with ThreadSanitizer alone, which cannot see through any other"
        ),
        Exemption(
            rule: .sleep,
            path: "Examples/Bookinfo/Process/ChildProcess.swift",
            line: "usleep(20_000)",
            reason: "it waits for a child process that was told to stop, synchronously, when the program ends"
        ),
        Exemption(
            rule: .sleep,
            path: "Benchmarks/Micro/Suites/Policies/TimeoutBenchmarks.swift",
            line: "Task.sleep(for: .seconds(30))",
            reason: "the usual timeout of a task group and a sleep, which ours is compared with"
        ),
        Exemption(
            rule: .uncheckedSendability,
            path: "Tests/RepositoryTests/Rule+Concurrency.swift",
            line: "codeLines(with:",
            reason: "the pattern of the rule itself"
        ),
    ]
}
