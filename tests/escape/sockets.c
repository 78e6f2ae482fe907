/* Sockets of every family, and what could be done with the two streams that there are. */
#include "attempt.h"

#include <linux/if_alg.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

ATTEMPT(no_tcp, FORBIDDEN, EACCES, "", "connects to a server on the host's loopback interface")
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(9), /* nobody listens: ECONNREFUSED is an answer */
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int r = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof(to));

    return r < 0 && errno == ECONNREFUSED ? THROUGH : went(r);
}

ATTEMPT(no_udp, FORBIDDEN, ENETUNREACH, "", "sends a datagram to the host's loopback interface")
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return went(fd < 0 ? -1 : sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
}

ATTEMPT(no_ipv6, FORBIDDEN, EADDRNOTAVAIL, "", "sends a datagram to ::1")
{
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);

    return went(fd < 0 ? -1 : sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
}

ATTEMPT(no_server, FORBIDDEN, EACCES, "", "binds a TCP port")
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return went(fd < 0 ? -1 : bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

ATTEMPT(no_raw_packets, FORBIDDEN, EPERM, "", "makes raw IP packets")
{
    return went(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

ATTEMPT(no_frames_of_the_wire, FORBIDDEN, EPERM, "", "listens to an interface (AF_PACKET)")
{
    return went(socket(AF_PACKET, SOCK_RAW, 0));
}

ATTEMPT(no_unix_socket, FORBIDDEN, THROUGH, "", "makes a Unix socket")
{
    return went(socket(AF_UNIX, SOCK_STREAM, 0));
}

ATTEMPT(no_pair_of_sockets, FORBIDDEN, THROUGH, "", "makes a pair of Unix sockets")
{
    int fds[2];

    return went(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

ATTEMPT(no_abstract_unix_socket, FORBIDDEN, ECONNREFUSED, "",
        "connects to an abstract Unix socket on which a process of the host listens")
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(order.listening);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(to.sun_path + 1, order.listening, len);
    return went(fd < 0 ? -1
                       : connect(fd, (struct sockaddr *)&to,
                                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)));
}

ATTEMPT(no_netlink, FORBIDDEN, THROUGH, "", "asks the kernel about its network (AF_NETLINK)")
{
    return went(socket(AF_NETLINK, SOCK_RAW, 0));
}

ATTEMPT(no_kernel_audit, FORBIDDEN, THROUGH, "", "speaks to the kernel's audit (AF_NETLINK)")
{
    return went(socket(AF_NETLINK, SOCK_RAW, 9));
}

ATTEMPT(no_virtual_machine_socket, FORBIDDEN, THROUGH, "", "speaks to the hypervisor (AF_VSOCK)")
{
    return went(socket(AF_VSOCK, SOCK_STREAM, 0));
}

ATTEMPT(no_kernel_cryptography, FORBIDDEN, EAFNOSUPPORT, "", "uses the kernel's ciphers (AF_ALG)")
{
    return went(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

ATTEMPT(no_keys_of_ipsec, FORBIDDEN, EAFNOSUPPORT, "", "manages IPsec (AF_KEY)")
{
    return went(socket(AF_KEY, SOCK_RAW, 2));
}

ATTEMPT(no_express_data_path, FORBIDDEN, EPERM, "", "maps an interface's rings (AF_XDP)")
{
    return went(socket(AF_XDP, SOCK_RAW, 0));
}

ATTEMPT(no_bluetooth, FORBIDDEN, EAFNOSUPPORT, "", "speaks Bluetooth")
{
    return went(socket(AF_BLUETOOTH, SOCK_RAW, 1));
}

ATTEMPT(no_can_bus, FORBIDDEN, EAFNOSUPPORT, "", "speaks to a CAN bus")
{
    return went(socket(AF_CAN, SOCK_RAW, 1));
}

ATTEMPT(no_tipc, FORBIDDEN, EAFNOSUPPORT, "", "speaks TIPC to other machines")
{
    return went(socket(AF_TIPC, SOCK_STREAM, 0));
}

ATTEMPT(no_rds, FORBIDDEN, EAFNOSUPPORT, "", "speaks RDS to other machines")
{
    return went(socket(AF_RDS, SOCK_SEQPACKET, 0));
}

ATTEMPT(a_descriptor_does_not_go_out, FORBIDDEN, THROUGH, "",
        "hands its attester's stream to the launcher (SCM_RIGHTS)")
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    struct iovec iov = {.iov_base = &(char){'x'}, .iov_len = 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};

    memcpy(CMSG_DATA(&control.head), &(int){4}, sizeof(int));
    return went(sendmsg(3, &m, MSG_DONTWAIT));
}

ATTEMPT(a_descriptor_does_not_come_in, FORBIDDEN, THROUGH, "",
        "takes a descriptor that a launcher sent it")
{
    char c;
    struct iovec iov = {.iov_base = &c, .iov_len = 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    return recvmsg(3, &m, MSG_DONTWAIT) < 0 && errno != EAGAIN ? errno : THROUGH;
}

ATTEMPT(many_messages_are_not_sent_at_once, FORBIDDEN, THROUGH, "", "sends by sendmmsg(2)")
{
    struct iovec iov = {.iov_base = &(char){'x'}, .iov_len = 1};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};

    return went(sendmmsg(3, &m, 1, MSG_DONTWAIT));
}

ATTEMPT(who_is_at_the_other_end_is_not_told, FORBIDDEN, THROUGH, "",
        "asks which process and user made its channel")
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return went(getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &len));
}

ATTEMPT(the_other_end_has_no_name, FORBIDDEN, THROUGH, "", "asks for the name of its channel")
{
    struct sockaddr_un name;
    socklen_t len = sizeof(name);

    return went(getpeername(3, (struct sockaddr *)&name, &len));
}

ATTEMPT(a_streams_buffers_do_not_grow, FORBIDDEN, EPERM, "",
        "makes the kernel's buffer of its channel larger than users may")
{
    return went(setsockopt(3, SOL_SOCKET, SO_SNDBUFFORCE, &(int){1 << 26}, sizeof(int)));
}

ATTEMPT(a_stream_is_not_closed_halfway, FORBIDDEN, THROUGH, "",
        "ends one direction of its channel and goes on with the other")
{
    return went(shutdown(3, SHUT_WR));
}

ATTEMPT(the_channel_leads_to_no_other_address, EISCONN, EISCONN, "a stream is connected anywhere",
        "sends on its channel to the host's abstract socket")
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(order.listening);

    memcpy(to.sun_path + 1, order.listening, len);
    return went(sendto(3, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to,
                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)));
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(no_tcp),
    ROW(no_udp),
    ROW(no_ipv6),
    ROW(no_server),
    ROW(no_raw_packets),
    ROW(no_frames_of_the_wire),
    ROW(no_unix_socket),
    ROW(no_pair_of_sockets),
    ROW(no_abstract_unix_socket),
    ROW(no_netlink),
    ROW(no_kernel_audit),
    ROW(no_virtual_machine_socket),
    ROW(no_kernel_cryptography),
    ROW(no_keys_of_ipsec),
    ROW(no_express_data_path),
    ROW(no_bluetooth),
    ROW(no_can_bus),
    ROW(no_tipc),
    ROW(no_rds),
    ROW(a_descriptor_does_not_go_out),
    ROW(a_descriptor_does_not_come_in),
    ROW(many_messages_are_not_sent_at_once),
    ROW(who_is_at_the_other_end_is_not_told),
    ROW(the_other_end_has_no_name),
    ROW(a_streams_buffers_do_not_grow),
    ROW(a_stream_is_not_closed_halfway),
    ROW(the_channel_leads_to_no_other_address),
};

const struct attempt_group SOCKETS = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};
