// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Reads the fields of one mapping, and reports those that nobody asked for.
///
/// A field that is there is always accounted for: it is read, it is known to be unsupported (a warning), it is refused
/// because leaving it out would change what is allowed or where requests go (an error), it is known to mean nothing
/// here, or it is unknown (an error). An absent field and a field without a value are the same, as in Kubernetes.
struct FieldReader {
    let context: ReadingContext
    /// Where the mapping begins.
    let position: SourcePosition
    private let entries: [YAMLValue.Entry]
    private var known: Set<String> = []

    private init(_ entries: [YAMLValue.Entry], position: SourcePosition, context: ReadingContext) {
        self.entries = entries
        self.position = position
        self.context = context
    }

    /// Reads a value as a mapping; fields that `body` did not ask for are reported afterwards.
    /// - Returns: `nil` if the value is no mapping, which is reported.
    static func read<Result>(
        _ value: YAMLValue,
        named name: String,
        _ context: ReadingContext,
        _ body: (inout FieldReader) -> Result
    ) -> Result? {
        let entries: [YAMLValue.Entry]
        switch value.content {
        case .mapping(let found): entries = found
        case .null: entries = []
        case .scalar, .sequence:
            context.error(.wrongType, at: value.position, "\(name) must be a mapping, and is \(value.typeName)")
            return nil
        }
        var reader = FieldReader(entries, position: value.position, context: context)
        let result = body(&reader)
        reader.reportUnknownFields(of: name)
        return result
    }

    /// The value of a field, if it is there and has one.
    mutating func value(_ name: String) -> YAMLValue? {
        known.insert(name)
        guard let entry = entries.first(where: { $0.key == name }) else { return nil }
        if case .null = entry.value.content { return nil }
        return entry.value
    }

    /// Whether a field is there, with or without a value.
    func has(_ name: String) -> Bool {
        entries.contains { $0.key == name }
    }

    /// Where the key of a field stands; the mapping's own place if it is absent.
    func keyPosition(_ name: String) -> SourcePosition {
        entries.first { $0.key == name }?.position ?? position
    }

    /// Whether the mapping has no fields at all.
    var isEmpty: Bool { entries.isEmpty }

    /// The fields that are there, of some; they count as known.
    mutating func present(_ names: [String]) -> [String] {
        known.formUnion(names)
        return names.filter(has)
    }

    /// Fields that mean nothing to the mesh.
    mutating func accept(_ names: String...) {
        known.formUnion(names)
    }

    /// Every field that has not been asked for means nothing to the mesh.
    mutating func acceptEverythingElse() {
        known.formUnion(entries.map(\.key))
    }

    /// Fields of Istio that are not implemented, and that are harmless to leave out.
    mutating func ignore(_ names: String..., because reason: String? = nil) {
        for name in present(names) {
            let message = reason ?? "it is ignored"
            context.warning(.unsupportedField, at: keyPosition(name), "\(name) is not supported yet: \(message)")
        }
    }

    /// Fields of Istio that are not implemented, and that must not be left out.
    mutating func refuse(_ names: String..., because reason: String) {
        for name in present(names) {
            context.error(.refusedField, at: keyPosition(name), "\(name) is not supported: \(reason)")
        }
    }

    /// Reports that a field must be there.
    func reportMissing(_ name: String) {
        context.error(.missingField, at: position, "\(name) is missing")
    }

    private func reportUnknownFields(of name: String) {
        for entry in entries where !known.contains(entry.key) {
            let suggestion = NearestName.suggestion(for: entry.key, among: known)
            context.error(.unknownField, at: entry.position, "\(name) has no field \(entry.key)\(suggestion)")
        }
    }
}
