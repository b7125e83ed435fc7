// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

/// A decoder of bytes that come from outside.
struct FuzzTarget: Sendable, CustomTestStringConvertible {
    /// What its inputs look like when they are good.
    enum Form: Sendable {
        /// A protobuf message, or several as `FuzzScript` writes them.
        case message
        /// Text.
        case text
        /// Something else.
        case bytes
    }

    /// What became of an input.
    enum Outcome: Hashable, Sendable {
        case accepted
        case refused
        /// Neither: something that must not be, whatever the input is.
        case violated(String)
    }

    /// What `--only` calls it.
    let name: String
    let form: Form
    /// Good inputs.
    let samples: [[UInt8]]
    let read: @Sendable ([UInt8]) async -> Outcome

    var testDescription: String { name }
}

extension FuzzTarget {
    /// One whose decoder throws what it refuses.
    init(
        _ name: String,
        _ form: Form,
        samples: [[UInt8]],
        decode: @escaping @Sendable ([UInt8]) async throws -> Void
    ) {
        self.init(name: name, form: form, samples: samples) { bytes in
            do {
                try await decode(bytes)
                return .accepted
            } catch let violation as FuzzViolation {
                return .violated(violation.message)
            } catch {
                // What is wrong is to be said, and not at any length.
                let text = "\(error)"
                guard !text.isEmpty else { return .violated("the refusal has no reason") }
                guard text.utf8.count <= Self.maximumReason else {
                    return .violated("the refusal has \(text.utf8.count) bytes: \(text.prefix(200))")
                }
                return .refused
            }
        }
    }

    /// How long a reason may be: 256 problems, each with a path and a part of the input.
    private static var maximumReason: Int { 1 << 20 }

    /// Every decoder of the package that this test target can see.
    static var all: [FuzzTarget] { resources + streams + documents + identity + certificates + policies }
}

/// Something that must not be, whatever the input is.
struct FuzzViolation: Error {
    let message: String

    /// Throws unless a fact holds.
    static func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
        guard holds else { throw FuzzViolation(message: message()) }
    }
}

/// Several messages as one input: each is a field of its own, so that a mutator changes, repeats and drops them.
enum FuzzScript {
    static func bytes(_ messages: [[UInt8]], field: UInt64 = 1) -> [UInt8] {
        WireNode.bytes(of: messages.map { WireNode(number: field, content: .bytes($0)) })
    }

    /// The messages, in order; what is no field is left aside.
    static func messages(of bytes: [UInt8]) -> [[UInt8]] {
        (WireNode.fields(of: bytes[...], depth: WireNode.maximumDepth) ?? []).compactMap { node in
            guard case .bytes(let message) = node.content else { return nil }
            return message
        }
    }
}
