// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import ServiceMesh

extension MeshStatus {
    /// Whether there is a configuration, and every resource of it is in use as it was sent last.
    var isApplied: Bool {
        generation > 0 && sources.allSatisfy { $0.resources.allSatisfy { $0.state == .acknowledged } }
    }

    /// The status for people: what is well is counted, the rest is told one by one.
    var lines: [String] {
        ["configuration generation \(generation)"] + sources.flatMap(\.lines)
            + runtime.map { "runtime   \($0.printable)" }
    }
}

extension ConfigSourceStatus {
    fileprivate var lines: [String] {
        let kinds = Dictionary(grouping: resources, by: \.kind).sorted { $0.key < $1.key }
        return [(origin.map { "\(name): from \($0)" } ?? name).printable]
            + kinds.flatMap { kind, resources -> [String] in
                let name = kind.split(separator: ".").last.map(String.init) ?? kind
                let count = resources.count { $0.state == .acknowledged }
                return ["  \(name.printable): \(count) of \(resources.count) acknowledged"]
                    + resources.filter { $0.state != .acknowledged }.map { "    \($0.line)" }
            }
            + ignored.map { "  ignored   \($0.printable)" }
    }
}

extension ConfigSourceStatus.Resource {
    fileprivate var line: String {
        let word =
            switch state {
            case .requested: "has not come yet"
            case .acknowledged: "acknowledged"
            case .refused: "refused"
            case .missing: "does not exist"
            case .failed: "cannot be had"
            case .timedOut: "timed out"
            }
        let why = reason.map { ": \($0)" } ?? ""
        let inUse = version.map { "; \($0.isEmpty ? "an earlier one" : $0) stays in use" } ?? ""
        return "\(name) \(word)\(why)\(inUse)".printable
    }
}
