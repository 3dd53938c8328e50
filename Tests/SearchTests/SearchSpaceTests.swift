import Testing

@testable import AviarySearch

@Suite struct SearchSpaceTests {
  @Test func textsAreDomains() throws {
    func domain(_ text: String) throws -> SearchDomain {
      try SearchParameter(parsing: text) { name, value in name != "epochs" || Int(value) != nil }.domain
    }
    #expect(try domain("lr=1e-5..1e-1:log") == .real(1e-5...1e-1, isLogarithmic: true))
    #expect(try domain("epochs=3..12") == .whole(3...12))
    #expect(try domain("decay=0..1") == .real(0...1))
    #expect(try domain("decay=1..8:int:log") == .whole(1...8, isLogarithmic: true))
    #expect(try domain("optimizer=sgd, adamw") == .choice(["sgd", "adamw"]))
    #expect(try domain("freeze=layer1,layer2|none") == .choice(["layer1,layer2", "none"]))
    #expect(try domain("freeze=layer1..layer3,none") == .choice(["layer1..layer3", "none"]))
    #expect(try domain("changes=rotation=15:x,none") == .choice(["rotation=15:x", "none"]))
    #expect(try domain("decay=0.1..0.9:points=5") == .choice(["0.1", "0.3", "0.5", "0.7", "0.9"]))
    #expect(try domain("lr=1e-4..1:log:points=5") == .choice(["0.0001", "0.001", "0.01", "0.1", "1"]))
    #expect(try domain("epochs=1..9:points=3") == .choice(["1", "5", "9"]))
    let conditional = try SearchParameter(parsing: "momentum=0.8..0.99:if optimizer=sgd|nesterov")
    #expect(conditional.condition == .init(name: "optimizer", values: ["sgd", "nesterov"]))
    #expect(conditional.domain == .real(0.8...0.99))
  }

  @Test(arguments: [
    "lr", "=1..2", "lr=", "lr=2..1", "lr=1..", "lr=0..1:log", "lr=0.5..1:int", "lr=a,,b", "lr=a,a", "lr=a,b:log",
    "lr=1..2:points=1", "lr=1..2:if sgd", "lr=1..2:if x=", "lr=nan..1", "lr=0..inf", "lr=0..9999999999999:int",
  ])
  func malformedTextsAreRefused(text: String) {
    #expect(throws: SearchFault.self) { try SearchParameter(parsing: text) }
  }

  @Test(arguments: [
    SearchDomain.real(-2...3), .real(1e-5...1e-1, isLogarithmic: true), .whole(-3...4),
    .whole(1...1000, isLogarithmic: true),
    .choice(["a", "b", "c"]), .real(5...5), .whole(7...7),
  ])
  func valuesAndCoordinatesAreEachOthers(domain: SearchDomain) throws {
    for step in 0...100 {
      let value = domain.value(at: Double(step) / 100)
      let coordinate = try #require(domain.coordinate(of: value))
      #expect(domain.value(at: coordinate) == value)
      #expect((0...1).contains(coordinate))
      let snapped = domain.snapped(Double(step) / 100)
      #expect(abs(snapped - coordinate) < 1e-4)
    }
    // Every value of a finite domain is met, as often as any other.
    if let values = domain.values, !domain.isLogarithmic {
      let met = (0..<1000).map { domain.value(at: (Double($0) + 0.5) / 1000) }
      for value in values {
        #expect(abs(met.count { $0 == value } - 1000 / values.count) <= 1, "\(value)")
      }
    }
  }

  @Test func valuesOutsideHaveNoCoordinate() {
    #expect(SearchDomain.real(0...1).coordinate(of: "1.5") == nil)
    #expect(SearchDomain.whole(0...9).coordinate(of: "1.5") == nil)
    #expect(SearchDomain.choice(["a"]).coordinate(of: "b") == nil)
    #expect(SearchDomain.real(0...1).value(at: .nan) == "0")
  }

  @Test func conditionsAreKept() throws {
    let space = try SearchSpace([
      SearchParameter("momentum", .real(0...1), if: .init(name: "optimizer", values: ["sgd"])),
      SearchParameter("optimizer", .choice(["sgd", "adam"])),
    ])
    #expect(space.values(at: [0.5, 0.1]) == ["optimizer": "sgd", "momentum": "0.5"])
    #expect(space.values(at: [0.5, 0.9]) == ["optimizer": "adam"])
    #expect(space.activity(at: [0.5, 0.9]) == [false, true])
    #expect(throws: SearchFault.unknownCondition(name: "a", other: "b")) {
      try SearchSpace([SearchParameter("a", .real(0...1), if: .init(name: "b", values: ["1"]))])
    }
    #expect(throws: SearchFault.unknownValue(name: "momentum", other: "optimizer", value: "rmsprop")) {
      try SearchSpace([
        SearchParameter("momentum", .real(0...1), if: .init(name: "optimizer", values: ["rmsprop"])),
        SearchParameter("optimizer", .choice(["sgd", "adam"])),
      ])
    }
    #expect(throws: SearchFault.cyclic(name: "a")) {
      try SearchSpace([
        SearchParameter("a", .choice(["1"]), if: .init(name: "b", values: ["1"])),
        SearchParameter("b", .choice(["1"]), if: .init(name: "a", values: ["1"])),
      ])
    }
  }
}
