// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshManifests
import MeshXDS

/// Reads files as values with their places; whether a file is JSON or YAML is seen by its content.
enum DocumentReader {
    /// The value of a file that has one document.
    static func document(_ file: InputFile) throws(InputError) -> DocumentNode {
        let documents = try documents(file)
        guard let first = documents.first else { throw InputError("\(file.name):1:1: the file has no content") }
        if documents.count > 1 {
            let place = documents[1].position
            throw InputError("\(file.name):\(place.line):\(place.column): only one document is expected")
        }
        return first
    }

    /// The values of a file, one for each document that has content.
    static func documents(_ file: InputFile) throws(InputError) -> [DocumentNode] {
        if let json = try json(file) { return [json] }
        let limits = ReadingLimits(
            maximumFileSize: InputFile.maximumSize,
            maximumDepth: maximumDepth,
            maximumValues: maximumValues
        )
        do {
            let yaml = try YAMLFile(ManifestFile(name: file.name, bytes: file.bytes), limits: limits)
            return yaml.documents.map(DocumentNode.init)
        } catch {
            throw InputError(error.diagnostic.lineOfText)
        }
    }

    /// How deep values may nest: as deep as protobuf's own readers let messages nest.
    static let maximumDepth = 100
    /// How many values a YAML file may have: a table of 10 000 routes has some 100 000.
    static let maximumValues = 2_000_000

    /// The file's value if it is JSON; `nil` if it cannot be, since JSON of ours begins with a bracket.
    private static func json(_ file: InputFile) throws(InputError) -> DocumentNode? {
        let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        guard let first = file.bytes.first(where: { !blanks.contains($0) }),
            first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        else { return nil }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            throw InputError("\(file.name): the file is not UTF-8")
        }
        do {
            return try ResourceDocument(json: text, file: file.name).root
        } catch {
            throw InputError(lines: error.problems.map(\.description))
        }
    }
}

extension DocumentNode {
    /// The value of a YAML file.
    fileprivate init(_ yaml: YAMLValue) {
        let position = DocumentPosition(line: yaml.position.line, column: yaml.position.column)
        switch yaml.content {
        case .null: self.init(.null, at: position)
        case .scalar(let scalar): self.init(scalar.value, at: position)
        case .sequence(let elements): self.init(.list(elements.map(DocumentNode.init)), at: position)
        case .mapping(let entries):
            let fields = entries.map { entry in
                Field(
                    entry.key,
                    at: DocumentPosition(line: entry.position.line, column: entry.position.column),
                    DocumentNode(entry.value)
                )
            }
            self.init(.fields(fields), at: position)
        }
    }
}

extension YAMLScalar {
    /// The value by YAML 1.2's core schema: `yes` and `off` are texts.
    fileprivate var value: DocumentNode.Value {
        switch plainType {
        case .null: .null
        case .boolean: boolean.map(DocumentNode.Value.boolean) ?? .text(text)
        case .integer, .number: .number(text)
        case .string: .text(text)
        }
    }
}
