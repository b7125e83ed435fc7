// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// What the system knows about a process. Elsewhere than on Linux only this process's own CPU time is known.
enum ProcessFigures {
    /// The CPU time of this process, in nanoseconds. POSIX has `clock` count microseconds, fine enough for a window.
    ///
    /// Not from `clock_gettime`: `MemberImportVisibility` wants the module of `timespec`'s members imported, and which
    /// one that is depends on what else the program imports.
    static func ownCPU() -> Double { Double(clock()) * 1e3 }

    /// The CPU time of a process's threads, in nanoseconds.
    ///
    /// From the scheduler's own account, because `/proc/PID/stat` counts in hundredths of a second.
    static func cpu(of process: Int32) -> Double {
        let folder = "/proc/\(process)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return threads.reduce(0) { sum, thread in
            let account = try? String(contentsOfFile: "\(folder)/\(thread)/schedstat", encoding: .utf8)
            return sum + (account?.split(separator: " ").first.flatMap { Double($0) } ?? 0)
        }
    }

    /// The resident memory of a process in KiB; 0 where it is not known.
    static func residentKiB(of process: Int32) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
