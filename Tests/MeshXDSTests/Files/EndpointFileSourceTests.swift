// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import MeshXDS

@Suite("Endpoints from a file", .timeLimit(.minutes(2)))
struct EndpointFileSourceTests {
    @Test func `a file is read at once, and brings endpoints and nothing else`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response([("a", [1, 2]), ("b", [3]), ("none", [])]))
        try await file.running {
            #expect(file.addresses == ["a": ["10.0.0.1:1", "10.0.0.1:2"], "b": ["10.0.0.1:3"], "none": []])
            let resources = try #require(file.applied.first)
            #expect(resources.listeners.isEmpty && resources.clusters.isEmpty && resources.ignored.isEmpty)
            #expect(file.connections == [nil])
        }
    }

    @Test func `a change is seen in the next interval and read when it stands still`() async throws {
        let file = try EndpointFile(interval: .seconds(10))
        try file.replace(with: EndpointFile.response("a", [1]))
        try await file.running {
            try file.replace(with: EndpointFile.response("a", [1, 2]))
            file.clock.advance(by: .milliseconds(9999))
            #expect(file.clock.sleeperCount == 1)
            await file.look(after: .milliseconds(1))
            #expect(file.applied.count == 1)
            await file.look(after: .milliseconds(50))
            #expect(file.addresses == ["a": ["10.0.0.1:1", "10.0.0.1:2"]])
            #expect(file.connections == [nil])
        }
    }

    @Test func `the same content in another file changes nothing`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response("a", [1]))
        try await file.running {
            try file.replace(with: EndpointFile.response("a", [1]))
            await file.settle()
            await file.look()
            #expect(file.applied.count == 1)
        }
    }

    @Test func `a file that is being written is left alone until it is whole`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response("a", [1]))
        try await file.running {
            let text = EndpointFile.response("a", [1, 2, 3])
            try file.overwrite(with: String(text.prefix(40)))
            await file.look()
            try file.overwrite(with: String(text.prefix(80)))
            await file.look(after: .milliseconds(50))
            try file.overwrite(with: text)
            await file.look(after: .milliseconds(50))
            #expect(file.applied.count == 1)
            await file.look(after: .milliseconds(50))
            #expect(file.addresses?["a"]?.count == 3)
            #expect(file.rejections.isEmpty)
        }
    }

    @Test func `a file that is missing at first is told once and read when it is there`() async throws {
        let file = try EndpointFile()
        try await file.running {
            for _ in 0..<3 { await file.look() }
            #expect(file.connections.count == 1)
            #expect(file.connections.first??.contains("\(file.path) cannot be read: No such file") == true)
            #expect(file.applied.isEmpty)
            try file.replace(with: EndpointFile.response("a", [1]))
            await file.settle()
            #expect(file.connections.count == 2 && file.connections.last == .some(nil))
            #expect(file.addresses == ["a": ["10.0.0.1:1"]])
        }
    }

    @Test func `a file that goes away leaves its endpoints in force`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response("a", [1]))
        try await file.running {
            try file.remove()
            for _ in 0..<3 { await file.look() }
            #expect(file.connections.count == 2 && file.applied.count == 1)
            try file.replace(with: EndpointFile.response("a", [1, 2]))
            await file.settle()
            #expect(file.connections.count == 3 && file.applied.count == 2)
        }
    }

    @Test func `what is no regular file is not read`() async throws {
        let file = try EndpointFile()
        try FileManager.default.createDirectory(atPath: file.path, withIntermediateDirectories: false)
        try await file.running {
            #expect(file.connections == ["\(file.path) is no regular file"])
            try file.remove()
            #expect(mkfifo(file.path, 0o600) == 0)
            await file.look()
            #expect(file.connections == ["\(file.path) is no regular file"])
        }
    }

    @Test func `bad content is told once with its place, and the last good one stays`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response("a", [1]))
        try await file.running {
            try file.replace(with: "{\n  \"resources\": [}\n")
            await file.settle()
            for _ in 0..<3 { await file.look() }
            #expect(file.rejections == ["\(file.path):2:17: this is no JSON value"])
            try file.replace(with: EndpointFile.response("a", [70000]))
            await file.settle()
            #expect(file.rejections.count == 2)
            #expect(file.rejections.last?.hasPrefix("\(file.path):5:") == true)
            #expect(file.rejections.last?.contains("resources[0].endpoints[0].lb_endpoints[0]") == true)
            #expect(file.applied.count == 1)
            try file.replace(with: EndpointFile.response("a", [1, 2]))
            await file.settle()
            #expect(file.applied.count == 2)
            // The file could be read all the time.
            #expect(file.connections == [nil])
        }
    }

    @Test func `a response without resources takes no endpoints away`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response("a", [1]))
        try await file.running {
            try file.replace(with: "{}")
            await file.settle()
            #expect(file.rejections.first?.hasPrefix("\(file.path):1:1: resources: is empty") == true)
            #expect(file.applied.count == 1)
        }
    }

    @Test func `files of more than 64 MiB, and what is no text, are refused`() async throws {
        let file = try EndpointFile()
        try file.replace(with: "")
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file.path))
        try handle.truncate(atOffset: 64 << 20 + 1)
        try handle.close()
        try await file.running {
            #expect(file.rejections == ["\(file.path): is longer than 67108864 bytes"])
            try Data([0x22, 0xFF, 0x22]).write(to: URL(fileURLWithPath: file.path), options: .atomic)
            await file.settle()
            #expect(file.rejections.last == "\(file.path): is no UTF-8")
            #expect(file.applied.isEmpty)
        }
    }

    @Test func `fields without effect are told by resource and place`() async throws {
        let file = try EndpointFile()
        let text = EndpointFile.response("a", [1]).replacing("\"cluster_name\"", with: "\"odd\": 1, \"cluster_name\"")
        try file.replace(with: text.replacing("\"version_info\"", with: "\"versions\""))
        try await file.running {
            let ignored = try #require(file.applied.first).ignored
            #expect(ignored.map(\.resource) == [.endpointAssignment(file.path), .endpointAssignment("a")])
            #expect(ignored.map(\.path) == ["\(file.path):1:2: versions", "\(file.path):4:2: resources[0].odd"])
        }
    }

    @Test func `what the sink refused is offered again when somebody touches the file`() async throws {
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response("a", [1]))
        let offers = Atomic(0)
        let sink = ConfigSink(
            apply: { _ throws(ConfigurationError) in
                guard offers.add(1, ordering: .relaxed).newValue > 1 else { throw ConfigurationError(path: "", "no") }
                return 1
            },
            notice: { [observer = file.observer] in observer.noticed($0) }
        )
        try await file.running(delivering: sink) {
            for expected in [2, 2] {
                await file.look()
                try file.replace(with: EndpointFile.response("a", [1]))
                await file.settle()
                #expect(offers.load(ordering: .relaxed) == expected)
            }
            // It is the sink that tells of a refusal.
            #expect(file.rejections.isEmpty)
        }
    }

    @Test func `the path and the interval are checked`() {
        #expect(throws: ConfigurationError.self) { try EndpointFileSource(path: "") }
        for interval in [Nanoseconds.milliseconds(99), .seconds(3601)] {
            #expect(throws: ConfigurationError(path: "interval", "must be from 100 ms to 1 h")) {
                try EndpointFileSource(path: "/x", interval: interval)
            }
        }
    }
}
