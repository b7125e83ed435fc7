// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Layers of the runtime are decoded as Envoy reads them")
struct RuntimeDecodingTests {
    private static func decode(_ json: String, name: String = "rtds") throws -> Decoded<XDSResource> {
        var message = Envoy_Service_Runtime_V3_Runtime()
        message.name = name
        message.layer = try Google_Protobuf_Struct(jsonString: json)
        return try ResourceDecoder().decode(try message.serializedBytes(), as: .runtimeLayer)
    }

    private static func values(_ json: String) throws -> [String: RuntimeValue] {
        guard case .runtimeLayer(let layer) = try decode(json).resource else { return [:] }
        #expect(layer.name == "rtds")
        return layer.values
    }

    private static func refusal(_ json: String) -> String? {
        do {
            _ = try decode(json)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static let share = FractionalPercent(numerator: 3, denominator: .tenThousand)

    @Test(
        "values of every kind",
        arguments: [
            ("5", .integer(5)), ("5.0", .integer(5)), ("5.5", .number(5.5)), ("-1", .number(-1)),
            ("true", .boolean(true)), ("false", .boolean(false)),
            (#""7""#, .integer(7)), (#"" 7.25 ""#, .number(7.25)), (#""True""#, .boolean(true)),
            (#""false""#, .boolean(false)), (#""0x1p3""#, .text("0x1p3")), (#""nan""#, .text("nan")),
            (#""text""#, .text("text")), (#""18446744073709551615""#, .integer(.max)),
            (#"{"numerator": 3, "denominator": "TEN_THOUSAND"}"#, .fraction(share)),
            (#"{"numerator": 3, "denominator": 1}"#, .fraction(share)),
            (#"{"numerator": 3}"#, .fraction(FractionalPercent(numerator: 3))),
            (#"{"denominator": "MILLION"}"#, .fraction(FractionalPercent(numerator: 0, denominator: .million))),
            ("{}", .fraction(FractionalPercent(numerator: 0))),
        ] as [(String, RuntimeValue)]
    )
    func kinds(json: String, value: RuntimeValue) throws {
        #expect(try Self.values("{\"a\": \(json)}") == ["a": value])
    }

    @Test("nested objects are keys with dots")
    func nesting() throws {
        let json = #"{"a": {"b": {"c": 1, "d.e": 2}, "numerators": 3}, "f.g": {"numerator": 4}}"#
        let meant: [String: RuntimeValue] = [
            "a.b.c": .integer(1), "a.b.d.e": .integer(2), "a.numerators": .integer(3),
            "f.g": .fraction(FractionalPercent(numerator: 4)),
        ]
        #expect(try Self.values(json) == meant)
    }

    @Test("of two fields that come to one key the first one counts, and the other is reported")
    func twice() throws {
        let decoded = try Self.decode(#"{"a": {"b": 1}, "a.b": 2}"#)
        #expect(decoded.resource == .runtimeLayer(RuntimeLayer(name: "rtds", values: ["a.b": .integer(1)])))
        #expect(decoded.ignored.map(\.path) == ["layer.a.b"])
    }

    @Test(
        "what is no value is refused with its path",
        arguments: [
            (#"{"a": {"b": [1]}}"#, "layer.a.b: must be a number, a truth value, a text or an object, is a list"),
            (#"{"a": null}"#, "layer.a: must be a number, a truth value, a text or an object, is null"),
            (#"{"a": {"numerator": -1}}"#, "layer.a.numerator: must be a whole number from 0 to 4294967295"),
            (
                #"{"a": {"numerator": 1, "denominator": "TEN"}}"#,
                "layer.a.denominator: must be HUNDRED, TEN_THOUSAND or MILLION"
            ),
            (#"{"a": {"numerator": 1, "b": 2}}"#, "layer.a.b: is no field of a share"),
            (#"{"": 1}"#, "is empty"),
        ]
    )
    func refused(json: String, reason: String) {
        #expect(Self.refusal(json)?.contains(reason) == true, "\(Self.refusal(json) ?? "taken")")
    }

    @Test("every problem is told, and all of them are bounded")
    func bounds() throws {
        #expect(Self.refusal(#"{"a": null, "b": [], "c": 1}"#)?.contains("layer.b") == true)
        let deep = String(repeating: #"{"a": "#, count: 20) + "1" + String(repeating: "}", count: 20)
        #expect(Self.refusal(deep)?.contains("is nested more than 16 deep") == true)
        let many = (0...RuntimeLayer.maximumCount).map { "\"k\($0)\": 1" }.joined(separator: ",")
        #expect(Self.refusal("{\(many)}")?.contains("10000") == true)
        let long = String(repeating: "k", count: RuntimeLayer.maximumLength + 1)
        #expect(Self.refusal("{\"\(long)\": 1}")?.contains("is longer than 1024 bytes") == true)
        #expect(Self.refusal("{\"a\": \"\(long)\"}")?.contains("must be at most 1024 bytes") == true)
        let most = (0..<RuntimeLayer.maximumCount).map { "\"k\($0)\": 1" }.joined(separator: ",")
        #expect(try Self.values("{\(most)}").count == RuntimeLayer.maximumCount)
    }

    @Test("a layer has a name, and may have nothing else")
    func name() throws {
        #expect(throws: ConfigurationError.self) { try Self.decode("{}", name: "") }
        #expect(try Self.decode("{}").resource == .runtimeLayer(RuntimeLayer(name: "rtds")))
        var message = Envoy_Service_Runtime_V3_Runtime()
        message.name = "rtds"
        let bytes: [UInt8] = try message.serializedBytes() + [0x1A, 0]
        let decoded = try ResourceDecoder().decode(bytes, as: .runtimeLayer)
        #expect(decoded.ignored.map(\.path) == ["field_3"])
    }

    @Test("a document is read as one, with lines")
    func document() throws {
        let json = """
            {"name": "rtds",
             "layer": {"routing": {"share": {"numerator": 3, "denominator": "TEN_THOUSAND"}}}}
            """
        let read = try ResourceDocument(json: json).runtimeLayer()
        #expect(read.resource == RuntimeLayer(name: "rtds", values: ["routing.share": .fraction(Self.share)]))
        let bad = try ResourceDocument(json: "{\"name\": \"rtds\",\n \"layer\": {\"a\": [1]}}", file: "f.json")
        let error = #expect(throws: ConfigurationError.self) { try bad.runtimeLayer() }
        #expect("\(try #require(error))".contains("f.json:2"))
    }
}
