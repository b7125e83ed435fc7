// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite("Names of resources that say whose they are (xRFC TP1, gRFC A47)")
struct XDSResourceNameTests {
    private static let type = "envoy.config.listener.v3.Listener"

    @Test(
        arguments: [
            ("xdstp://a/\(type)/x", "a", "x", [:], nil),
            ("xdstp:///\(type)/x", "", "x", [:], nil),
            // An identifier may have slashes, and what is percent-encoded stays so.
            ("xdstp://xds.a.com:443/\(type)/grpc/server/[::1]:80", "xds.a.com:443", "grpc/server/[::1]:80", [:], nil),
            ("xdstp://a/\(type)/x%2Fy", "a", "x%2Fy", [:], nil),
            ("xdstp://a/\(type)/x?b=2&a=1", "a", "x", ["a": "1", "b": "2"], "xdstp://a/\(type)/x?a=1&b=2"),
            ("xdstp://a/\(type)/x?a=1&a=2", "a", "x", ["a": "2"], "xdstp://a/\(type)/x?a=2"),
            ("xdstp://a/\(type)/x?a", "a", "x", ["a": ""], "xdstp://a/\(type)/x?a="),
            ("xdstp://a/\(type)/x?", "a", "x", [:], "xdstp://a/\(type)/x"),
            // Slashes of a context are not the path's.
            ("xdstp://a/\(type)/x?a=b/c", "a", "x", ["a": "b/c"], nil),
        ] as [(String, String, String, [String: String], String?)]
    )
    func `a name is read, and written in one way only`(
        text: String,
        authority: String,
        id: String,
        context: [String: String],
        canonical: String?
    ) throws {
        let name = try XDSResourceName(text)
        #expect(name.authority == authority && name.type == Self.type && name.id == id && name.context == context)
        #expect(name.description == canonical ?? text)
        #expect(text.canonicalResourceName == canonical ?? text)
        #expect(text.resourceAuthority == Substring(authority))
        #expect(try XDSResourceName(name.description) == name)
    }

    @Test(arguments: [
        "x", "xds://a/\(type)/x", "xdstp:", "xdstp:x", "xdstp:/a/\(type)/x", "xdstp://", "xdstp://a", "xdstp://a/",
        "xdstp://a/\(type)", "xdstp://a/\(type)/", "xdstp://a//x", "xdstp://a/\(type)/x#alt=y", "xdstp://a/\(type)/x y",
        "xdstp://a/\(type)/%", "xdstp://a/\(type)/%2", "xdstp://a/\(type)/%zz", "xdstp://a/\(type)/ü",
        "xdstp://a/\(type)/x?=1",
    ])
    func `what is no such name is refused, and stays as it is`(text: String) {
        #expect(throws: ConfigurationError.self) { try XDSResourceName(text) }
        #expect(text.canonicalResourceName == text)
    }

    @Test func `parts as people write them are percent-encoded`() throws {
        let name = XDSResourceName(authority: "a", kind: .cluster, id: "b c/[d]:80%", context: ["k&": "v=1"])
        #expect("\(name)" == "xdstp://a/envoy.config.cluster.v3.Cluster/b%20c/%5Bd%5D:80%25?k%26=v%3D1")
        #expect(try XDSResourceName("\(name)") == name)
    }

    @Test func `names of the old style belong to the first list, others to that of their authority`() {
        let directory = ServerDirectory(lists: ["a": 1, "": 2])
        let name = "xdstp://a/\(Self.type)/x"
        #expect(directory.place(of: "anything", as: .cluster) == .list(0))
        #expect(directory.place(of: name, as: .listener) == .list(1))
        #expect(directory.place(of: "xdstp:///\(Self.type)/x", as: .listener) == .list(2))
        for (name, kind) in [
            (name, ResourceKind.cluster), ("xdstp://b/\(Self.type)/x", .listener), ("xdstp://a/x", .listener),
            ("xdstp:x", .listener),
        ] {
            guard case .nowhere = directory.place(of: name, as: kind) else {
                Issue.record("\(name) belongs somewhere")
                continue
            }
        }
        let sorted = directory.sort(["c", name, "xdstp://b/\(Self.type)/x"], as: .listener, into: 3)
        #expect(sorted.lists == [["c"], [name], []])
        #expect(Array(sorted.strays.keys) == ["xdstp://b/\(Self.type)/x"])
    }
}
