// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// What a decoder knows and finds besides the resource: the extensions, the problems, the fields without effect.
///
/// A decoder returns `nil` where it has no value to give; whether that is an error stands here, so that one pass finds
/// every problem of a resource.
struct DecodingContext {
    /// The most reports, and the most problems, that are kept of one resource: a resource of 100 000 routes with one
    /// unknown field each must not cost more memory than the routes.
    static let maximumReports = 256
    /// How much of what is said of a field is kept, in Unicode scalars: it may repeat what stands there.
    static let maximumTextLength = 1024

    /// The load-balancing policies and HTTP filters that can be decoded.
    let registry: ExtensionRegistry
    /// Whose rules hold for clusters and retries.
    let rules: XDSRules
    /// The name of the source that resources come from; empty if they come from none.
    var source = ""
    /// What the cluster's load-balancing policy says besides about its endpoints.
    var structure = EndpointStructure()
    private var reports: [FieldReport] = []
    private var omitted = 0
    private var collector = ProblemCollector()

    init(registry: ExtensionRegistry, rules: XDSRules = .envoy) {
        self.registry = registry
        self.rules = rules
    }

    /// The fields without effect.
    var ignored: [FieldReport] {
        guard omitted > 0 else { return reports }
        return reports + [FieldReport(path: "", reason: "\(omitted) further fields have no effect")]
    }

    /// Why the resource cannot be used.
    var problems: [ConfigurationError.Problem] { collector.problems }

    /// Notes that a field has no effect.
    mutating func ignore(_ path: FieldPath, _ reason: String = "is not supported") {
        guard reports.count < Self.maximumReports - 1 else {
            omitted += 1
            return
        }
        reports.append(FieldReport(path: path.description, reason: reason.cut(to: Self.maximumTextLength)))
    }

    /// Notes that the resource cannot be used.
    mutating func reject(_ path: FieldPath, _ message: String) {
        guard collector.problems.count < Self.maximumReports else { return }
        collector.note(path.description.cut(to: Self.maximumTextLength * 4), message.cut(to: Self.maximumTextLength))
    }

    /// Runs `body` and notes its problems below `path`.
    mutating func attempt<Value>(_ path: FieldPath, _ body: () throws(ConfigurationError) -> Value) -> Value? {
        do {
            return try body()
        } catch {
            for problem in error.problems {
                reject(problem.path.isEmpty ? path : path[problem.path], problem.message)
            }
            return nil
        }
    }

    /// Reports every field of a message that is set and not in `read`, by its official name.
    /// - Returns: The names.
    @discardableResult
    mutating func ignoreOthers<M: Message>(in message: M, at path: FieldPath, read: ReadFields) -> [String] {
        let others = read.others(in: message)
        for name in others { ignore(path[name]) }
        return others
    }

    /// Refuses every field of a message that is set and not in `read`: a condition that is left out decides otherwise.
    /// - Returns: Whether there was one.
    mutating func rejectOthers<M: Message>(in message: M, at path: FieldPath, read: ReadFields) -> Bool {
        let others = read.others(in: message)
        for name in others { reject(path[name], "is not supported") }
        return !others.isEmpty
    }

    /// Unpacks a message.
    /// - Returns: `nil`, with a problem, if the bytes are no such message.
    mutating func unpack<M: Message>(_ any: Google_Protobuf_Any, as type: M.Type, at path: FieldPath) -> M? {
        unpack(any.bytes, as: type, at: path)
    }

    /// Parses a message.
    /// - Returns: `nil`, with a problem, if the bytes are no such message.
    mutating func unpack<M: Message>(_ bytes: [UInt8], as type: M.Type, at path: FieldPath) -> M? {
        do {
            return try M(serializedBytes: bytes)
        } catch {
            reject(path, "is no valid \(M.protoMessageName): \(error)")
            return nil
        }
    }

    /// The resource with what has no effect in it.
    /// - Throws: `ConfigurationError` with every problem that was noted.
    func finish<Resource>(_ resource: Resource?) throws(ConfigurationError) -> Decoded<Resource> {
        try collector.throwIfAny()
        guard let resource else { throw ConfigurationError(path: "", "nothing in it is supported") }
        return Decoded(resource, ignored: ignored)
    }
}
