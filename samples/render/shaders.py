"""GLSL programs of the sample renderer."""

POSE = """
#version 330
uniform vec3 u_head_rad;   // yaw, pitch, roll
uniform vec3 u_pivot;
uniform mat4 u_body;
uniform float u_breath;
mat3 rotation(vec3 a) {
    float cy = cos(a.x), sy = sin(a.x), cp = cos(a.y), sp = sin(a.y), cr = cos(a.z), sr = sin(a.z);
    mat3 yaw = mat3(cy, 0, -sy, 0, 1, 0, sy, 0, cy);
    mat3 pitch = mat3(1, 0, 0, 0, cp, -sp, 0, sp, cp);
    mat3 roll = mat3(cr, -sr, 0, sr, cr, 0, 0, 0, 1);
    return yaw * pitch * roll;
}
// The neck follows the head less and less towards the shoulders.
void pose(inout vec3 p, inout vec3 n) {
    float follow = smoothstep(-14.5, -5.0, p.y);
    mat3 turn = rotation(u_head_rad * follow);
    p = turn * (p - u_pivot) + u_pivot;
    n = turn * n;
    p += vec3(0, 0.16, 0.22) * u_breath * (1.0 - follow);
    p = (u_body * vec4(p, 1)).xyz;
    n = mat3(u_body) * n;
}
"""

LIGHT = """
#version 330
uniform vec3 u_eye;
uniform vec3 u_key_dir; uniform vec3 u_key;
uniform vec3 u_fill_dir; uniform vec3 u_fill;
uniform vec3 u_rim_dir; uniform vec3 u_rim;
uniform vec3 u_sky; uniform vec3 u_ground;
uniform mat4 u_shadow_from_world;
uniform sampler2D t_shadow;
const vec2 TAPS[8] = vec2[](vec2(-.94, -.4), vec2(.95, -.77), vec2(-.1, -.93), vec2(.34, .29),
    vec2(-.91, .46), vec2(-.38, .28), vec2(.44, .98), vec2(-.3, -.35));
float lit(vec3 world) {
    vec4 q = u_shadow_from_world * vec4(world, 1);
    vec3 s = q.xyz * 0.5 + 0.5;
    float sum = 0.0;
    for (int i = 0; i < 8; i++)
        sum += step(s.z - 0.006, texture(t_shadow, s.xy + TAPS[i] * 0.007).r);
    bool is_outside = any(greaterThan(abs(q.xy), vec2(0.97)));
    return is_outside ? 1.0 : sum / 8.0;
}
vec3 ambient(vec3 n) { return mix(u_ground, u_sky, n.y * 0.5 + 0.5); }
vec3 wrap(vec3 n, vec3 l, vec3 w) { return max((dot(n, l) + w) / ((1.0 + w) * (1.0 + w)), 0.0); }
float lobe(vec3 n, vec3 l, vec3 v, float rough) {
    vec3 h = normalize(l + v);
    float a = rough * rough, nh = max(dot(n, h), 0.0);
    float d = nh * nh * (a * a - 1.0) + 1.0;
    float f = 0.028 + 0.972 * pow(1.0 - max(dot(v, h), 0.0), 5.0);
    return f * a * a / (3.1416 * d * d) * max(dot(n, l), 0.0) / (4.0 * max(dot(l, h), 0.25));
}
vec4 film(vec3 c) {
    c = max(c, 0.0);
    c = (c * (2.51 * c + 0.03)) / (c * (2.43 * c + 0.59) + 0.14);
    return vec4(pow(c, vec3(1.0 / 2.2)), 1);
}
"""

SURFACE_VERTEX = (
    POSE
    + """
uniform mat4 u_clip_from_world;
in vec3 in_pos; in vec3 in_normal; in vec3 in_rest; in vec2 in_extra; in vec2 in_uv;
out vec3 v_world; out vec3 v_normal; out vec3 v_rest; out vec2 v_extra; out vec2 v_uv;
void main() {
    vec3 p = in_pos, n = in_normal;
    pose(p, n);
    v_world = p; v_normal = n; v_rest = in_rest; v_extra = in_extra; v_uv = in_uv;
    gl_Position = u_clip_from_world * vec4(p, 1);
}
"""
)

SKIN = (
    LIGHT
    + """
uniform sampler2D t_chart; uniform sampler2D t_crease_a; uniform sampler2D t_crease_b;
uniform sampler2D t_noise;
uniform vec4 u_crease_a; uniform vec4 u_crease_b;
uniform vec3 u_base; uniform vec3 u_hair; uniform vec4 u_chart_cm; uniform float u_neckline;
in vec3 v_world; in vec3 v_normal; in vec3 v_rest; in vec2 v_extra;
out vec4 colour;
float folds(vec2 at) {
    return dot(texture(t_crease_a, at), u_crease_a) + dot(texture(t_crease_b, at), u_crease_b);
}
float height(vec2 at, float grain) {
    return -0.22 * folds(at) + 0.010 * grain;
}
void main() {
    if (v_rest.y < u_neckline - 3.0) discard;
    if (v_rest.y < -9.0 && abs(v_rest.x) > 6.3) discard;
    vec2 at = (v_rest.xy - u_chart_cm.xy) / u_chart_cm.zw;
    float front = smoothstep(1.5, 4.0, v_rest.z) * smoothstep(-9.5, -7.5, v_rest.y);
    vec4 painted = texture(t_chart, at);
    float is_side = smoothstep(4.5, 7.0, abs(v_rest.x));
    float grain = texture(t_noise, mix(v_rest.xy, v_rest.zy, step(0.5, is_side)) * 0.33).r;
    float blotch = texture(t_noise, v_rest.xy * 0.035 + v_rest.z * 0.01).r - 0.5;
    vec3 albedo = mix(u_base, pow(painted.rgb, vec3(2.2)), front);
    albedo *= 1.0 + 0.24 * blotch + 0.16 * (grain - 0.5);
    float fold = clamp(folds(at) * front, 0.0, 1.0);
    albedo *= mix(vec3(1), vec3(0.70, 0.58, 0.55), fold);
    vec3 smooth_n = normalize(v_normal);
    vec3 dx = dFdx(v_world), dy = dFdy(v_world);
    float h = height(at, grain) * front;
    vec3 rx = cross(dy, smooth_n), ry = cross(smooth_n, dx);
    float det = dot(dx, rx);
    vec3 slope = sign(det) * (dFdx(h) * rx + dFdy(h) * ry);
    vec3 n = normalize(abs(det) * smooth_n - slope);
    float scalp = smoothstep(0.45, 0.90, v_extra.y + 0.7 * (grain - 0.5));
    albedo = mix(albedo, u_hair, scalp * 0.93);
    vec3 v = normalize(u_eye - v_world);
    float ao = v_extra.x, sun = lit(v_world);
    vec3 soft = normalize(mix(n, smooth_n, 0.6));
    vec3 w = vec3(0.34, 0.16, 0.10);
    vec3 light = u_key * wrap(soft, u_key_dir, w) * mix(vec3(0.10, 0.03, 0.02), vec3(1), sun);
    light += u_fill * wrap(soft, u_fill_dir, w) * (0.3 + 0.7 * ao);
    light += u_rim * wrap(n, u_rim_dir, vec3(0.05)) * ao;
    light += ambient(n) * mix(vec3(0.9, 0.55, 0.45), vec3(1), ao) * ao;
    float shine = (1.0 - scalp) * painted.a * 2.0;
    vec3 spec = 0.7 * u_key * sun * lobe(n, u_key_dir, v, 0.52);
    spec += 0.3 * u_key * sun * lobe(n, u_key_dir, v, 0.34);
    spec += u_fill * lobe(n, u_fill_dir, v, 0.5) * ao + u_rim * lobe(n, u_rim_dir, v, 0.5) * ao;
    colour = film(albedo * light + spec * shine * 1.6);
}
"""
)

EYE = (
    LIGHT
    + """
uniform vec3 u_iris; uniform vec3 u_eye_centre[2]; uniform float u_iris_rad;
uniform sampler2D t_noise;
in vec3 v_world; in vec3 v_normal; in vec3 v_rest; in vec2 v_extra;
out vec4 colour;
void main() {
    vec3 c = v_rest.x > 0.0 ? u_eye_centre[0] : u_eye_centre[1];
    vec3 d = normalize(v_rest - c);
    float angle = acos(clamp(d.z, -1.0, 1.0)), turn = atan(d.y, d.x);
    float r = angle / u_iris_rad;
    float fibre = texture(t_noise, vec2(turn * 1.6, r * 0.08)).r;
    vec3 iris = u_iris * (0.55 + 0.9 * fibre) * (1.0 - 0.75 * smoothstep(0.72, 1.0, r));
    iris *= 0.8 + 0.5 * smoothstep(0.55, 0.35, abs(r - 0.5));
    iris = mix(vec3(0.004), iris, smoothstep(0.36, 0.43, r));
    vec3 white = mix(vec3(0.62, 0.57, 0.54), vec3(0.52, 0.33, 0.29), smoothstep(2.0, 3.2, r));
    vec3 albedo = mix(iris, white, smoothstep(0.94, 1.08, r));
    vec3 n = normalize(v_normal), v = normalize(u_eye - v_world);
    float sun = lit(v_world + n * 0.3), ao = v_extra.x;
    vec3 light = u_key * wrap(n, u_key_dir, vec3(0.3)) * (0.25 + 0.75 * sun);
    light += u_fill * wrap(n, u_fill_dir, vec3(0.3)) + ambient(n);
    float glint = pow(max(dot(n, normalize(u_key_dir + v)), 0.0), 420.0) * 2.2;
    glint += 0.3 * pow(max(dot(n, normalize(u_fill_dir + v)), 0.0), 300.0);
    colour = film(albedo * light * ao + glint * (0.3 + u_key * 0.5));
}
"""
)

PLAIN = (
    LIGHT
    + """
uniform vec3 u_colour; uniform float u_gloss; uniform float u_deep_cm; uniform float u_front_cm;
in vec3 v_world; in vec3 v_normal; in vec3 v_rest; in vec2 v_extra;
out vec4 colour;
void main() {
    vec3 n = normalize(v_normal), v = normalize(u_eye - v_world);
    float open = smoothstep(u_deep_cm, u_front_cm, v_rest.z);
    vec3 light = u_key * wrap(n, u_key_dir, vec3(0.4)) * 0.6;
    light += u_fill * wrap(n, u_fill_dir, vec3(0.4));
    float corner = smoothstep(0.9, 2.3, abs(v_rest.x));
    light = (light + ambient(n)) * open * open * (1.0 - 0.7 * corner);
    vec3 spec = u_key * lobe(n, u_key_dir, v, 0.25) * u_gloss * open;
    colour = film(u_colour * light + spec);
}
"""
)

LASH = (
    LIGHT
    + """
uniform vec3 u_colour; uniform float u_density; uniform vec3 u_eye_centre[2];
in vec3 v_world; in vec3 v_normal; in vec3 v_rest; in vec2 v_extra; in vec2 v_uv;
out vec4 colour;
void main() {
    float hair = abs(fract(v_rest.x * 15.0 + v_rest.z * 6.0) - 0.5) * 2.0;
    vec3 c = v_rest.x > 0.0 ? u_eye_centre[0] : u_eye_centre[1];
    float reach = (length(v_rest - c) - 1.55) / 0.6;
    if (hair > u_density * (1.3 - reach) || abs(v_rest.x) > 4.75) discard;
    colour = film(u_colour);
}
"""
)

CLOTH = (
    LIGHT
    + """
uniform vec3 u_colour; uniform vec3 u_trim; uniform sampler2D t_noise; uniform float u_weave;
in vec3 v_world; in vec3 v_normal; in vec3 v_rest; in vec2 v_extra; in vec2 v_uv;
out vec4 colour;
void main() {
    float fold = texture(t_noise, v_rest.xy * vec2(0.020, 0.011) + v_rest.z * 0.013, 4.5).r;
    float weave = texture(t_noise, v_rest.xy * u_weave).r;
    float h = 3.4 * fold + 0.012 * weave;
    vec3 dx = dFdx(v_world), dy = dFdy(v_world), g = normalize(v_normal);
    vec3 rx = cross(dy, g), ry = cross(g, dx);
    float det = dot(dx, rx);
    vec3 n = normalize(abs(det) * g - sign(det) * (dFdx(h) * rx + dFdy(h) * ry));
    vec3 albedo = mix(u_colour, u_trim, v_extra.y) * (0.93 + 0.14 * weave);
    float ribs = 0.75 + 0.25 * sin(v_uv.x * 900.0);
    albedo *= mix(1.0, ribs, v_uv.y);
    float sun = lit(v_world), ao = v_extra.x;
    vec3 light = u_key * wrap(n, u_key_dir, vec3(0.15)) * (0.12 + 0.88 * sun);
    light += u_fill * wrap(n, u_fill_dir, vec3(0.2)) + u_rim * wrap(n, u_rim_dir, vec3(0.1));
    light += ambient(n);
    colour = film(albedo * light * ao);
}
"""
)

HAIR_VERTEX = (
    POSE
    + LIGHT.replace("#version 330", "")
    + """
uniform mat4 u_clip_from_world;
uniform vec3 u_hair; uniform vec3 u_sheen;
in vec3 in_pos; in vec3 in_normal; in vec3 in_tangent; in vec2 in_along_tone;
flat out vec4 v_colour;
float gloss(vec3 t, vec3 h, vec3 n, float shift, float power) {
    float th = dot(normalize(t + n * shift), h);
    return pow(sqrt(max(1.0 - th * th, 0.0)), power);
}
vec3 shade(vec3 t, vec3 n, vec3 l, vec3 v, vec3 albedo) {
    vec3 h = normalize(l + v);
    float tl = dot(t, l), side = 0.30 + 0.70 * max(dot(n, l) * 0.6 + 0.4, 0.0);
    float jitter = (in_along_tone.y - 0.5) * 0.25;
    vec3 spec = 0.06 * gloss(t, h, n, -0.12 + jitter, 70.0) * u_sheen * 4.0;
    spec += 0.55 * gloss(t, h, n, 0.14 + jitter, 18.0) * u_sheen;
    return (albedo * 0.55 * sqrt(max(1.0 - tl * tl, 0.0)) + spec * 0.55) * side;
}
// Shading per vertex: strands are a pixel wide, and this costs a fifth of shading per pixel.
void main() {
    vec3 p = in_pos, n = in_normal, q = in_pos + in_tangent, unused = in_normal;
    pose(p, n);
    pose(q, unused);
    vec3 t = normalize(q - p), v = normalize(u_eye - p);
    float sun = 0.22 + 0.78 * lit(p + n * 0.4);
    vec3 albedo = u_hair * (0.55 + 0.9 * in_along_tone.y) * (0.55 + 0.45 * in_along_tone.x);
    vec3 c = u_key * sun * shade(t, n, u_key_dir, v, albedo);
    c += u_fill * shade(t, n, u_fill_dir, v, albedo);
    c += u_rim * shade(t, n, u_rim_dir, v, albedo) * 0.8;
    v_colour = film(c + albedo * ambient(n) * 0.8);
    gl_Position = u_clip_from_world * vec4(p, 1);
}
"""
)

HAIR = """
#version 330
flat in vec4 v_colour;
out vec4 colour;
void main() { colour = v_colour; }
"""

DEPTH_VERTEX = (
    POSE
    + """
uniform mat4 u_shadow_from_world;
in vec3 in_pos;
void main() {
    vec3 p = in_pos, n = vec3(0, 0, 1);
    pose(p, n);
    gl_Position = u_shadow_from_world * vec4(p, 1);
}
"""
)

DEPTH = """
#version 330
void main() {}
"""

BACKDROP_VERTEX = """
#version 330
in vec2 in_pos;
out vec2 v_at;
void main() { v_at = in_pos * 0.5 + 0.5; gl_Position = vec4(in_pos, 0.9999, 1); }
"""

BACKDROP = """
#version 330
uniform sampler2D t_room;
in vec2 v_at;
out vec4 colour;
void main() { colour = texture(t_room, vec2(v_at.x, 1.0 - v_at.y)); }
"""
