// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Where and with what the run was made.
struct Machine: Codable {
    var processor: String
    var cores: Int
    var system: String
    var compiler: String
    var envoy: String
    var haproxy: String
    var isOptimised: Bool
    /// The load before the run, without which a reader cannot tell what else went on.
    var loadAverage: Double

    static func current() -> Machine {
        var load = [0.0]
        getloadavg(&load, 1)
        let processors = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = processors.split(separator: "\n").first { $0.hasPrefix("model name") }
        var isOptimised = true
        assert({ isOptimised = false }() == ())
        return Machine(
            processor: model?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown",
            cores: ProcessInfo.processInfo.activeProcessorCount,
            system: system(),
            compiler: version("swift", ["--version"]),
            envoy: Sidecar.envoyPath().map { version($0, ["--version"]) } ?? "none",
            haproxy: version("haproxy", ["-v"]),
            isOptimised: isOptimised,
            loadAverage: load[0]
        )
    }

    private static func system() -> String {
        let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
        let name = release.firstMatch(of: /PRETTY_NAME="(.*)"/).map { String($0.output.1) }
        let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        return "\(name ?? ProcessInfo.processInfo.operatingSystemVersionString), kernel \(kernel)"
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A program's version, without the path that it may name.
    private static func version(_ program: String, _ arguments: [String]) -> String {
        guard let path = program.contains("/") ? program : Program.find(program),
            let output = Program.output(path, arguments, limit: 30),
            let version = output.firstMatch(of: /\d+\.\d+\.\d+[^\s\/]*/)
        else { return "unknown" }
        return String(version.output)
    }
}
