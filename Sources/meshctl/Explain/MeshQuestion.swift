// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import ServiceMesh

/// One question to a mesh that runs: what it would do with a request. Nothing is sent for it but the question.
struct MeshQuestion {
    /// Where the mesh answers questions (`MeshAdministration`).
    var address: EndpointAddress
    /// The request that is asked about.
    var request: PreviewedRequest
    /// How the answer is printed.
    var format = OutputFormat.text
    /// The most bytes of an answer. Default 16 MiB: some 100 000 routes that were passed over.
    var maximumAnswer = 16 * 1024 * 1024
    /// How long the answer may take.
    var timeout = Nanoseconds.seconds(10)

    /// Reads an address: `HOST:PORT`, or the port alone, which is one of this machine's own.
    static func address(_ text: String) throws(InputError) -> EndpointAddress {
        try HTTPQuestion.address(text, of: "the mesh's")
    }

    /// Asks; the status is a failure if the mesh has no route for the request.
    func outcome() async -> CommandOutcome {
        do {
            let explanation = try await answer()
            let isServed = explanation["listener"] != nil || explanation["mesh"] != nil
            return CommandOutcome(status: isServed ? .success : .failure, output: [try text(of: explanation)])
        } catch let error as InputError {
            return CommandOutcome(status: .badInput, diagnostics: error.lines.map { "error: \($0)" })
        } catch {
            return CommandOutcome(status: .badInput, diagnostics: ["error: \("\(error)".printable)"])
        }
    }

    /// The target of the question, on the mesh's own server.
    var target: String {
        let url = "\(request.scheme ?? "http")://\(request.authority ?? "")\(request.path)"
        var target = "/explain?format=json&method=\(request.method.percentEncoded)&url=\(url.percentEncoded)"
        for field in request.headers.fields {
            target += "&header=\("\(field.name): \(field.value)".percentEncoded)"
        }
        return target
    }

    private func answer() async throws(InputError) -> Explanation {
        let question = HTTPQuestion(
            peer: "the mesh",
            address: address,
            target: target,
            maximumAnswer: maximumAnswer,
            timeout: timeout
        )
        return try await question.answer(as: Explanation.self)
    }

    private func text(of explanation: Explanation) throws -> String {
        guard format == .json else {
            var printable = explanation
            for position in printable.facts.indices {
                printable.facts[position].name = printable.facts[position].name.printable
                printable.facts[position].value = printable.facts[position].value.printable
            }
            return printable.description
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(explanation), as: UTF8.self)
    }
}

extension StringProtocol {
    /// As a part of a query: everything but what is never special, by its bytes.
    fileprivate var percentEncoded: String {
        var encoded = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
