// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension Nanoseconds {
    /// Converts a duration of the API.
    /// - Returns: `nil`, with a problem, if it is negative, malformed, or longer than 584 years.
    init?(_ duration: Google_Protobuf_Duration, at path: FieldPath, _ context: inout DecodingContext) {
        guard duration.seconds >= 0, (0..<1_000_000_000).contains(duration.nanos) else {
            context.reject(path, "must be a duration of 0 or more")
            return nil
        }
        let (whole, overflow) = UInt64(duration.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(UInt64(duration.nanos))
        guard !overflow, !carried else {
            context.reject(path, "must be at most 584 years")
            return nil
        }
        self.init(rawValue: sum)
    }

    /// Converts a duration that must be longer than 0.
    /// - Returns: `nil`, with a problem, if it is not.
    init?(positive duration: Google_Protobuf_Duration, at path: FieldPath, _ context: inout DecodingContext) {
        self.init(duration, at: path, &context)
        if self == .zero {
            context.reject(path, "must be greater than 0")
            return nil
        }
    }
}

extension Google_Protobuf_Duration {
    /// The same span as a duration of the API; every span has one.
    init(_ span: Nanoseconds) {
        self.init(seconds: Int64(span.rawValue / 1_000_000_000), nanos: Int32(span.rawValue % 1_000_000_000))
    }
}
