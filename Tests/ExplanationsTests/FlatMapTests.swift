import Testing

@testable import AviaryExplanations

/// What is said of maps in which no place differs from another.
@Suite struct FlatMapTests {
  @Test func flatMapsAreSaid() {
    #expect(
      flatRemark([0, -0.0, 0], by: "saliency", of: "cat")
        == "the map is zero everywhere: by saliency, nothing in the image counts for 'cat'")
    #expect(flatRemark([0.5, 0.5], by: "gradcam", of: "cat")?.hasPrefix("the map is the same everywhere") == true)
    #expect(flatRemark([0.5, 0.25], by: "gradcam", of: "cat") == nil)
    #expect(flatRemark([1, -1], by: "ig", of: "cat") == nil && flatRemark([], by: "ig", of: "cat") == nil)
  }
}
