import Foundation
import Testing

@testable import AviaryPictures

@Suite struct ChartTests {
  struct TickCase: Sendable {
    let low: Double
    let high: Double
    let count: Int
    let labels: String
  }

  static let ticks = [
    TickCase(low: 0, high: 1, count: 5, labels: "0.0 0.2 0.4 0.6 0.8 1.0"),
    TickCase(low: 0, high: 0.93, count: 4, labels: "0.0 0.5 1.0"),
    TickCase(low: -3, high: 12, count: 4, labels: "-5 0 5 10 15"),
    TickCase(low: 0, high: 0.00042, count: 4, labels: "0.0000 0.0002 0.0004 0.0006"),
    TickCase(low: 0, high: 2.5e-6, count: 5, labels: "0 5e-07 1e-06 1.5e-06 2e-06 2.5e-06"),
    TickCase(low: 0, high: 5_000_000, count: 5, labels: "0 1M 2M 3M 4M 5M"),
  ]

  @Test(arguments: ticks) func ticksAreRound(_ given: TickCase) {
    let labels = Ticks(from: given.low, to: given.high, count: given.count).labels
    #expect(labels.joined(separator: " ") == given.labels)
  }

  static let ranges: [ClosedRange<Double>] = [
    0...0, 5...5, -1e300...1e300, -.infinity ... .infinity, 1...1.000_000_000_000_001, 1e-300...2e-300,
    1e15...1_000_000_000_000_001, -1e-300...0,
  ]

  @Test(arguments: ranges) func ticksAreAlwaysThere(_ range: ClosedRange<Double>) {
    let ticks = Ticks(from: range.lowerBound, to: range.upperBound, count: 5)
    #expect((2...100).contains(ticks.values.count) && ticks.values.allSatisfy(\.isFinite))
    #expect(ticks.range.lowerBound < ticks.range.upperBound && ticks.labels.count == ticks.values.count)
  }

  @Test func wholeTicksAreWhole() {
    #expect(
      Ticks.powers(from: -5, to: 0, count: 10).powerLabels == [
        "1e-05", "3e-05", "0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1",
      ])
    func powers(_ low: Double, _ high: Double, _ count: Int) -> [String] {
      Ticks.powers(from: log10(low), to: log10(high), count: count).powerLabels
    }
    #expect(powers(8, 50, 8) == ["8", "10", "15", "20", "30", "40", "50"])
    #expect(powers(9, 300, 8) == ["5", "10", "20", "50", "100", "200", "500"])
    #expect(powers(2e-6, 0.3, 5) == ["1e-06", "0.0001", "0.01", "1"])
    #expect(powers(0.02, 0.02, 8).count > 1)
    #expect(Ticks(from: 1, to: 3, count: 8, areWhole: true).labels == ["1", "2", "3"])
  }

  @Test func numbersAreShort() {
    let texts = [0, 1, 0.5, 0.123456, 1234.5678, 123_456, 1.5e9, 1e-7, .nan, -.infinity, 99.999_99, -0.25].map {
      ChartNumber.text($0)
    }
    #expect(
      texts == [
        "0", "1", "0.5000", "0.1235", "1235", "123456", "1.5e+09", "1e-07", "n/a", "-∞", "100.00", "-0.2500",
      ])
  }

  @Test func aLineChartNamesItsLinesAtTheirEnds() throws {
    // Ends that are nearly the same must not hide each other's names.
    let series = (0..<6).map { k in LineChart.Series("run \(k)", [1, 0.5, 0.3 + 0.001 * Double(k)]) }
    let chart = LineChart(title: "Loss", xTitle: "epoch", yTitle: "cross-entropy", series: series)
    let content = try SVGContent(chart.drawing().svg())
    let labels = content.all("text").filter { $0.text.hasPrefix("run ") }
    let heights = labels.compactMap { Double($0.attributes["y"] ?? "") }.sorted()
    #expect(labels.count == 6 && zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 >= 16.9 })
    #expect(heights.allSatisfy { $0 > 0 && $0 < 440 })
    for text in ["Loss", "epoch", "cross-entropy", "0.0", "1.0", "3"] {
      #expect(content.texts.contains(text), "\(text)")
    }
    #expect(content.all("polyline").count >= 6)
  }

  @Test func gapsStayGapsAndSmoothingKeepsThem() throws {
    var chart = LineChart(
      title: "Accuracy", xTitle: "epoch", yTitle: "",
      series: [.init("a", [0.1, 0.2, .nan, 0.4, 0.5])])
    func lines() throws -> Int {
      try SVGContent(chart.drawing().svg()).all("polyline").count {
        // Not the thread from the end of the line to its name.
        $0.attributes["stroke"] == "#0072b2" && $0.attributes["stroke-width"] != "0.8"
      }
    }
    #expect(try lines() == 2)
    chart.smoothing = 0.6
    #expect(try lines() == 4)
  }

  @Test func smoothingIsAMeanOfThePast() throws {
    var chart = LineChart(title: "", xTitle: "", yTitle: "", series: [.init("constant", [3, 3, 3, 3])])
    chart.smoothing = 0.9
    let drawn = try SVGContent(chart.drawing().svg()).all("polyline").filter {
      $0.attributes["stroke"] == "#0072b2" && $0.attributes["stroke-width"] != "0.8"
    }
    // A constant is not drawn towards zero at its beginning.
    #expect(drawn.count == 2 && drawn[0].attributes["points"] == drawn[1].attributes["points"])
  }

  @Test func zeroIsWhereItBelongs() throws {
    let values = [10.0, 11, 12]
    var chart = LineChart(title: "", xTitle: "", yTitle: "", series: [.init("a", values)])
    #expect(try SVGContent(chart.drawing().svg()).texts.contains("0"))
    chart.includesZero = false
    #expect(try !SVGContent(chart.drawing().svg()).texts.contains("0"))
  }

  @Test func chartsOfNothingAreCharts() throws {
    let empty = LineChart(title: "nothing", xTitle: "", yTitle: "", series: [])
    #expect(try SVGContent(empty.drawing().svg()).texts.contains("no numbers"))
    for drawing in [
      BarChart(title: "", valueTitle: "", bars: []).drawing(),
      ScatterChart(title: "", xTitle: "", yTitle: "", groups: []).drawing(),
      HeatMap(title: "", rowTitle: "", columnTitle: "", rows: [], columns: [], values: []).drawing(),
      ContactSheet(title: "", sections: []).drawing(),
      LineChart(title: "", xTitle: "", yTitle: "", series: [.init("x", [.nan])]).drawing(width: 1, height: 1),
      BarChart(title: "", valueTitle: "", bars: [.init("x", .nan), .init("y", -.infinity)]).drawing(),
    ] {
      _ = try SVGContent(drawing.svg())
      #expect(try !drawing.png().isEmpty)
    }
  }

  @Test func barsStartAtZero() throws {
    let chart = BarChart(
      title: "Images", valueTitle: "images a class", bars: [.init("cat", 100), .init("dog", 50), .init("loss", -50)])
    let bars = try SVGContent(chart.drawing().svg()).all("rect").filter { $0.attributes["fill"] == "#0072b2" }
      .map { (x: Double($0.attributes["x"] ?? "") ?? .nan, width: Double($0.attributes["width"] ?? "") ?? .nan) }
    #expect(bars.count == 3 && abs(bars[0].width - 2 * bars[1].width) < 0.02)
    #expect(bars[0].x == bars[1].x && abs(bars[2].x + bars[2].width - bars[0].x) < 0.02)
  }

  @Test func aHeatMapHasItsNumbers() throws {
    let map = HeatMap(
      title: "Confusion", rowTitle: "true class", columnTitle: "predicted class", rows: ["猫", "كلب"],
      columns: ["猫", "كلب"], values: [[980, 20], [5, 995]])
    let content = try SVGContent(map.drawing().svg())
    #expect(["980", "20", "5", "995", "猫", "كلب"].allSatisfy(content.texts.contains))
    // Text stands out from its cell.
    let dark = content.all("text").first { $0.text == "995" }
    #expect(dark?.attributes["fill"] == "#ffffff")
  }

  @Test func aScatterChartDrawsEveryPoint() throws {
    let chart = ScatterChart(
      title: "Features", xTitle: "", yTitle: "",
      groups: [
        .init("a", points: [.init(x: 0, y: 0), .init(x: 1, y: 2)]), .init("b", points: [.init(x: 3, y: .nan)]),
      ])
    let content = try SVGContent(chart.drawing().svg())
    // Each name has its mark, too.
    #expect(content.all("circle").count == 2 + 2 && content.texts.contains("a") && content.texts.contains("b"))
  }

  @Test func aGroupOfOnePointLiesOnTop() throws {
    let chart = ScatterChart(
      title: "", xTitle: "", yTitle: "",
      groups: [
        .init("trials", points: Array(repeating: .init(x: 1, y: 1), count: 5)),
        .init("best", points: [.init(x: 1, y: 1)]),
      ])
    let circles = try SVGContent(chart.drawing().svg()).all("circle")
    let place = try #require(circles.first?.attributes["cx"])
    let points = circles.filter { $0.attributes["cx"] == place }
    let top = try #require(points.last).attributes["fill"]
    #expect(points.count == 6 && points.filter { $0.attributes["fill"] == top }.count == 1)
  }

  @Test func aContactSheetIsAGrid() throws {
    let picture = Pixels(width: 2, height: 1, channels: 1, bytes: [0, 255])
    let items = (0..<5).map { ContactSheet.Item(picture, titles: ["item \($0)"], color: .right, isFramed: $0 == 0) }
    var sheet = ContactSheet(
      title: "Sheet", sections: [.init("one", items: items), .init("two", items: [])], columns: 3, cell: 64)
    let content = try SVGContent(sheet.drawing().svg())
    let places = content.all("image").map { [$0.attributes["x"], $0.attributes["y"]].compactMap { Double($0 ?? "") } }
    #expect(places.count == 5 && places[1][0] - places[0][0] == 74 && places[3][0] == places[0][0])
    #expect(places[3][1] > places[0][1] + 64 && content.texts.filter { $0.hasPrefix("item") }.count == 5)
    // Small pictures show their pixels.
    #expect(content.all("image").allSatisfy { $0.attributes["image-rendering"] == "pixelated" })
    sheet.columns = 5
    #expect(sheet.drawing().width == 2 * 16 + 5 * 74 - 10)
    sheet.subtitle = String(repeating: "words ", count: 40)
    #expect(sheet.drawing().width == 2 * 16 + 688 + 1)
  }

  @Test func thePaletteCanBeReadAndTold() {
    #expect(Set(Drawing.Color.palette).count == Drawing.Color.palette.count)
    #expect(Drawing.Color.series(7) == .series(0))
    let scale = ColorScale.diverging(2)
    #expect(scale.color(of: 0) == .init(0xf7f7f7) && scale.color(of: 9) == scale.color(of: 2))
    #expect(ColorScale.grey(0...1).color(of: .nan) == .init(0xbdbdbd))
    #expect(ColorScale.sequential(3...3).color(of: 3) == .white)
  }
}
