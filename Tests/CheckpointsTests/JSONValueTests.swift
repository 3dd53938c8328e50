import AviaryCheckpoints
import Foundation
import Testing

/// Values become JSON and come back without a text between, and as `JSONEncoder` writes them.
@Suite struct JSONValueTests {
  private enum Choice: Codable, Equatable {
    case none
    case some(width: Int, rates: [Double])
  }

  private enum Word: String, Codable, Equatable { case first, second }

  private struct Everything: Codable, Equatable {
    var integers: [Int64] = [.min, -1, 0, .max]
    var large: UInt64 = .max
    var small: Int8 = -128
    var doubles: [Double] = [0, 1, -2.5, 0.1, 1e-5, 1e16, 1.7976931348623157e308, 4.5e-308, 123_456_789_012_345_680]
    var floats: [Float] = [1, 0.1, 1e-5, 1e20, 16_777_216]
    var text = "quoted \"text\", ü \u{1f600}"
    var isTrue = true
    var absent: Int?
    var there: Int? = 3
    var holes: [Double?] = [1, nil]
    var nested: [String: [String: [Int]]] = ["b": ["y": [1], "a10": [], "a9": [2], "B": [3]], "a": [:]]
    var choices: [Choice] = [.none, .some(width: 2, rates: [0.5])]
    var word = Word.second
    var words: [Word: Int]? = nil
    var empty: [Int] = []
  }

  @Test func encodingIsThatOfJSONEncoder() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(Everything()), as: UTF8.self)
    #expect(try JSONValue(encoding: Everything()).serialized == text)
    #expect(try JSONValue(encoding: [Int]()) == .array([]) && JSONValue(encoding: "x") == .text("x"))
    #expect(try JSONValue(encoding: 7) == .number("7") && JSONValue(encoding: Int?.none) == .null)
  }

  @Test func decodingGivesTheValueBack() throws {
    let value = try JSONValue(encoding: Everything())
    #expect(try value.decoded() == Everything())
    #expect(try JSONValue(parsing: value.serialized).decoded() == Everything())
  }

  @Test func numbersKeepTheirDigits() throws {
    let text = #"{"a":18446744073709551615,"b":0.10000000000000000555,"c":1.50}"#
    let value = try JSONValue(parsing: text)
    #expect(try JSONValue(encoding: value).serialized == text)
    #expect(try JSONValue(encoding: ["inner": value])["inner"]?.serialized == text)
    #expect(try value.decoded(as: [String: JSONValue].self)["a"] == .number("18446744073709551615"))
    // Foundation's coders keep what a Double or a 64-bit integer holds.
    let again = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    #expect(again["a"] == .number("18446744073709551615") && again["c"]?.double == 1.5)
    let odd = JSONValue.array([.null, .boolean(false), .text("x"), .object([]), .array([])])
    #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(odd)) == odd)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    #expect(throws: EncodingError.self) { try JSONValue(encoding: [Double.nan]) }
    #expect(throws: EncodingError.self) { try JSONValue(encoding: ["x": Float.infinity]) }
    func decodes<Value: Decodable>(_ text: String, as type: Value.Type) throws -> Bool {
      let value = try JSONValue(parsing: text)
      do {
        _ = try value.decoded(as: type)
        return true
      } catch is DecodingError { return false }
    }
    #expect(try decodes("[5.0, 1e2]", as: [Int].self) && decodes("[5, 1e-9]", as: [Float].self))
    for text in ["[1.5]", "[1e99]", "[true]", "[null]", "[\"1\"]", "{}", "3"] {
      #expect(try !decodes(text, as: [Int].self), "\(text)")
    }
    #expect(try !decodes("[300]", as: [UInt8].self) && !decodes("[-1]", as: [UInt].self))
    for text in ["[NaN]", "[Infinity]", "[1e999]"] { #expect(try !decodes(text, as: [Double].self), "\(text)") }
    #expect(try !decodes("[1e300]", as: [Float].self) && !decodes("[1]", as: [Bool].self))
    #expect(try !decodes("[\"third\"]", as: [Word].self) && !decodes("{}", as: Everything.self))
    do {
      _ = try JSONValue(parsing: #"{"a":[{"b":1},{"b":"x"}]}"#).decoded(as: [String: [[String: Int]]].self)
      Issue.record("decoded")
    } catch DecodingError.typeMismatch(_, let context) {
      #expect(context.codingPath.map(\.stringValue).first == "a" && context.codingPath.last?.stringValue == "b")
    }
  }
}
