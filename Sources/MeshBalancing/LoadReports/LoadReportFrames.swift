// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Puts the messages of a gRPC answer together from the parts that arrive; it never holds more than one message and the
/// part that was added last.
public struct LoadReportFrames: Sendable {
    private static let headLength = 5

    private var held: [UInt8] = []

    /// Creates a reader that has seen nothing.
    public init() {}

    /// Takes a part.
    public mutating func append(_ bytes: some Sequence<UInt8>) {
        held += bytes
    }

    /// The next message that is there as a whole; `nil` if its end is still to come.
    /// - Throws: `LoadReportFrameError` for what is too long, or compressed though nothing was asked to be. Nothing that
    ///   follows can be read then.
    public mutating func next() throws(LoadReportFrameError) -> [UInt8]? {
        guard held.count >= Self.headLength else { return nil }
        guard held[0] == 0 else { throw .compressed }
        let length = held[1..<Self.headLength].reduce(0) { $0 << 8 | Int($1) }
        guard length <= LoadReportCall.maximumMessage else { throw .tooLong }
        let end = Self.headLength + length
        guard held.count >= end else { return nil }
        defer { held.removeFirst(end) }
        return Array(held[Self.headLength..<end])
    }
}

/// Why the frames of an answer cannot be read.
public enum LoadReportFrameError: Error, Hashable, Sendable {
    /// A message is longer than `LoadReportCall.maximumMessage`.
    case tooLong
    /// A message is compressed.
    case compressed

    /// The reason, for logs.
    public var reason: String {
        switch self {
        case .tooLong: "a message is longer than \(LoadReportCall.maximumMessage) bytes"
        case .compressed: "a message is compressed"
        }
    }
}
