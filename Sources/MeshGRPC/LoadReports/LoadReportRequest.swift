// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore

/// A caller's wish to be told a server's load: `xds.service.orca.v3.OrcaLoadReportRequest`.
struct LoadReportRequest: Equatable {
    /// How often; `nil` for the server's own choice.
    var interval: Nanoseconds?

    init(interval: Nanoseconds? = nil) {
        self.interval = interval
    }

    /// Reads a request. `request_cost_names` are passed over: costs belong to calls, and are in their trailers.
    /// - Throws: `RPCError` with code `invalidArgument` for what is no such message.
    init(serialized bytes: some Sequence<UInt8>) throws(RPCError) {
        self.init()
        var message = WireReader(bytes)
        while let field = try message.next() {
            guard field.number == 1, case .bytes(let duration) = field.value else { continue }
            var (seconds, nanoseconds): (UInt64, UInt64) = (0, 0)
            var parts = WireReader(duration)
            while let part = try parts.next() {
                guard case .integer(let value) = part.value else { continue }
                if part.number == 1 { seconds = value }
                if part.number == 2 { nanoseconds = value }
            }
            // Negative numbers are huge here: an interval that nobody can mean.
            guard seconds <= UInt64(Int64.max) / 1_000_000_000, nanoseconds < 1_000_000_000 else {
                throw RPCError(code: .invalidArgument, message: "report_interval is out of range")
            }
            interval = Nanoseconds(rawValue: seconds * 1_000_000_000 + nanoseconds)
        }
    }
}
