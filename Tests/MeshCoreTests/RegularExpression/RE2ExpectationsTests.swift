// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

/// The engine against what RE2 answered for the same patterns and inputs.
@Suite struct RE2ExpectationsTests {
    @Test func `matches, groups and replacements are RE2's`() throws {
        let rows = Self.rows(RE2Expectations.matches, columns: 5)
        #expect(rows.count == 520)
        for row in rows {
            let input = Self.withNewlines(row[1])
            let expression = try RegularExpression(row[0])
            #expect(
                Verdict(of: expression, on: input).description == "\(row[2]);\(row[3])",
                "\(row[0]) on \(input.debugDescription)"
            )
            let replaced = try expression.replacingAll(in: input, with: #"<\0>"#)
            #expect(replaced == Self.withNewlines(row[4]), "\(row[0]) on \(input.debugDescription)")
        }
    }

    @Test func `errors are RE2's`() {
        let rows = Self.rows(RE2Expectations.errors, columns: 2)
        #expect(rows.count == 60)
        for row in rows {
            let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(row[0]) }
            #expect(error?.problem.description == row[1], "\(row[0])")
        }
    }

    private static func rows(_ table: String, columns: Int) -> [[String]] {
        table.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) }
            #expect(fields.count == columns, "\(line)")
            return fields
        }
    }

    private static func withNewlines(_ field: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in field.unicodeScalars { scalars.append(scalar == "\u{23CE}" ? "\n" : scalar) }
        return String(scalars)
    }
}
