import AviaryKernels
import Testing

@Suite struct RandomDistributionTests {
  private func draw(_ count: Int, _ number: (inout RandomStream) -> Double) -> [Double] {
    var random = RandomStream(seed: 5, purpose: "test")
    return (0..<count).map { _ in number(&random) }
  }

  private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }

  @Test func normalNumbers() {
    let values = draw(40_000) { $0.normal() }
    let (mean, variance) = moments(values)
    // Five standard errors.
    #expect(abs(mean) < 0.025 && abs(variance - 1) < 0.036)
    // 68.27 %, 95.45 % and 99.73 % lie within one, two and three deviations.
    for (reach, share) in [(1.0, 0.6827), (2, 0.9545), (3, 0.9973)] {
      let found = Double(values.filter { abs($0) < reach }.count) / 40_000
      #expect(abs(found - share) < 5 * (share * (1 - share) / 40_000).squareRoot(), "\(reach): \(found)")
    }
  }

  @Test(arguments: [(0.2, 0.2), (1, 1), (8, 8), (0.4, 2), (3, 1)]) func betaNumbers(a: Double, b: Double) {
    let values = draw(40_000) { $0.beta(a, b) }
    #expect(values.allSatisfy { (0...1).contains($0) })
    let (mean, variance) = moments(values)
    let expected = a * b / ((a + b) * (a + b) * (a + b + 1))
    #expect(abs(mean - a / (a + b)) < 5 * (expected / 40_000).squareRoot(), "\(mean)")
    #expect(abs(variance / expected - 1) < 0.04, "\(variance) instead of \(expected)")
  }

  @Test func uniformBetaIsUniform() {
    let values = draw(10_000) { $0.beta(1, 1) }.sorted()
    // Kolmogorov's statistic: 1.95 / √n at one in a thousand.
    let distance = values.enumerated().map { abs($1 - (Double($0) + 0.5) / 10_000) }.max() ?? 1
    #expect(distance < 0.0195, "\(distance)")
  }

  @Test func tinyShapesStayNumbers() {
    let values = draw(500) { $0.beta(1e-3, 1e-3) }
    #expect(values.allSatisfy { (0...1).contains($0) })
    #expect((200...300).contains(values.filter { $0 > 0.5 }.count))
  }
}
