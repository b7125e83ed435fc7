// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// What this process holds of the system's.
struct ProcessFigures: Encodable {
    /// Open file descriptors; `nil` where the system does not list them.
    var files: Int?
    /// Resident memory in KiB; `nil` where there is no `/proc`.
    var residentKB: Int?

    /// Asks the system now.
    static func current() -> ProcessFigures {
        let folder = FileManager.default.fileExists(atPath: "/proc/self/fd") ? "/proc/self/fd" : "/dev/fd"
        let files = try? FileManager.default.contentsOfDirectory(atPath: folder).count
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        // Listing the folder is a file of its own.
        return ProcessFigures(files: files.map { $0 - 1 }, residentKB: kilobytes)
    }
}
